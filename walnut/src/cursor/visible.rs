//! What a reader sees at a sequence number: of each key the newest version not above it, unless that is a tombstone or a
//! newer range tombstone covers it.
//!
//! Going forward the newest version comes first, so the first one at or below the number decides and the rest of the key
//! is passed over. Going backward the oldest comes first, so the last one at or below the number decides, and its
//! value is kept aside until the key is through.

use super::{Coverage, Cursor, Direction};
use crate::base::{Entry, Kind, SeqNo};
use crate::error::Result;

/// A key that has a value, and the kind and the bytes of the entry that gives it: the value itself, or a pointer to it.
pub(crate) type Seen<'s> = (&'s [u8], Kind, &'s [u8]);

/// The live keys and values under a cursor, at one sequence number.
#[derive(Debug)]
pub(crate) struct Visible<C> {
    cursor: C,
    direction: Direction,
    at: SeqNo,
    coverage: Coverage,
    /// The key that was decided last; going forward its older versions are still to be passed over.
    key: Vec<u8>,
    /// Going backward: the kind and the value kept aside.
    kind: Kind,
    value: Vec<u8>,
    /// Whether the cursor still stands within the versions of `key`.
    within: bool,
}

impl<C: Cursor> Visible<C> {
    /// What is visible at `at`; the cursor goes in `direction`, under the range tombstones of `coverage`.
    pub(crate) fn new(cursor: C, direction: Direction, at: SeqNo, coverage: Coverage) -> Self {
        let (kind, within) = (Kind::Delete, false);
        Self { cursor, direction, at, coverage, key: Vec::new(), kind, value: Vec::new(), within }
    }

    /// The next key and what it has; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Seen<'_>>> {
        match self.direction {
            Direction::Forward => self.next_forward(),
            Direction::Backward => self.next_backward(),
        }
    }

    fn next_forward(&mut self) -> Result<Option<Seen<'_>>> {
        let found = loop {
            let Some(entry) = self.cursor.entry() else { break false };
            if self.within && entry.key == self.key {
                self.cursor.advance()?;
                continue;
            }
            self.within = false;
            if entry.seqno <= self.at {
                self.key.clear();
                self.key.extend_from_slice(entry.key);
                self.within = true;
                if is_live(&entry, &mut self.coverage, self.at) {
                    break true;
                }
            }
            self.cursor.advance()?;
        };
        Ok(if found { self.cursor.entry().map(|entry| (&*self.key, entry.kind, entry.value)) } else { None })
    }

    fn next_backward(&mut self) -> Result<Option<Seen<'_>>> {
        loop {
            let Some(entry) = self.cursor.entry() else { return Ok(None) };
            self.key.clear();
            self.key.extend_from_slice(entry.key);
            self.kind = Kind::Delete;
            while let Some(entry) = self.cursor.entry() {
                if entry.key != self.key {
                    break;
                }
                if entry.seqno <= self.at {
                    let live = is_live(&entry, &mut self.coverage, self.at);
                    self.kind = if live { entry.kind } else { Kind::Delete };
                    self.value.clear();
                    self.value.extend_from_slice(entry.value);
                }
                self.cursor.advance()?;
            }
            if self.kind.is_value() {
                return Ok(Some((&self.key, self.kind, &self.value)));
            }
        }
    }
}

/// Whether the version that decides about its key gives it a value.
#[inline]
fn is_live(entry: &Entry<'_>, coverage: &mut Coverage, at: SeqNo) -> bool {
    entry.kind.is_value() && !coverage.hides(entry.key, entry.seqno, at)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::tests::{Listed, Owned};
    use super::*;
    use crate::base::Fragments;
    use crate::sync::Arc;

    proptest! {
        #[test]
        fn both_directions_see_the_state_at_the_sequence_number(
            history in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), prop::option::of(any::<u8>())), 0..40),
            ranges in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), 0u64..40), 0..4),
            at in 0u64..80,
        ) {
            // A range goes from its start up to the keys that begin with another byte; it comes right after what has its number.
            let ranges: Vec<_> = ranges.into_iter().map(|(start, seqno)| (start, vec![1, 1], 2 * seqno + 1)).collect();
            let mut state = BTreeMap::new();
            let mut entries: Vec<Owned> = Vec::new();
            for (seqno, (key, value)) in history.into_iter().enumerate() {
                let value = value.map(|byte| vec![byte]);
                let seqno = 2 * seqno as u64;
                if seqno <= at {
                    let is_under = |(start, end, range): &(Vec<u8>, Vec<u8>, u64)| {
                        *start <= key && key < *end && *range > seqno && *range <= at
                    };
                    state.insert(key.clone(), value.clone().filter(|_| !ranges.iter().any(is_under)));
                }
                entries.push((key, seqno, value));
            }
            let mut expected: Vec<_> = state.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let lists = ranges.iter().map(|(start, end, seqno)| Fragments::one(start, end, SeqNo(*seqno)));
                let coverage = Coverage::new(lists.map(Arc::new));
                let cursor = Listed::new(entries.clone(), direction);
                let mut visible = Visible::new(cursor, direction, SeqNo(at), coverage);
                let mut seen = Vec::new();
                while let Some((key, _, value)) = visible.next().expect("no errors here") {
                    seen.push((key.to_vec(), value.to_vec()));
                }
                prop_assert_eq!(&seen, &expected);
                expected.reverse();
            }
        }
    }
}
