//! Iterators over the entries of a keyspace.

use std::fmt;

use super::bounds::PREFIX;
use crate::error::{Error, Result};
use crate::txn::EntryScan;

/// The keys and values of a range, in order, from either end. It is lazy, and sees the state of the
/// moment when it was made.
///
/// After an error it ends.
///
/// Cost: finding an end reads one block for each run of level 0 and each deeper level that the
/// range touches; a step then one for each block that is entered.
#[must_use = "an iterator does nothing until it is asked"]
pub struct Iter {
    state: IterState,
}

#[expect(clippy::large_enum_variant, reason = "there is one of it, and it is in use")]
enum IterState {
    Walking(EntryScan),
    Failed(Error),
    Ended,
}

impl Iter {
    pub(super) fn new(scan: Result<EntryScan>) -> Self {
        Self { state: scan.map_or_else(IterState::Failed, IterState::Walking) }
    }

    fn step(&mut self, from_back: bool) -> Option<Result<(Vec<u8>, Vec<u8>)>> {
        let found = match std::mem::replace(&mut self.state, IterState::Ended) {
            IterState::Ended => return None,
            IterState::Failed(error) => Err(error),
            IterState::Walking(mut scan) => {
                let found = if from_back { scan.next_back() } else { scan.next() };
                let entry = match found {
                    Ok(None) => return None,
                    Ok(Some(found)) => {
                        found.value.load().map(|value| (found.key[PREFIX..].to_vec(), value.to_vec()))
                    }
                    Err(error) => Err(error),
                };
                match entry {
                    Ok(entry) => {
                        self.state = IterState::Walking(scan);
                        Ok(entry)
                    }
                    Err(error) => Err(error),
                }
            }
        };
        Some(found)
    }
}

impl Iterator for Iter {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(false)
    }
}

impl DoubleEndedIterator for Iter {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(true)
    }
}

impl std::iter::FusedIterator for Iter {}

impl fmt::Debug for Iter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
