//! What a reader sees at a sequence number: of each key the newest version not above it, unless that is a tombstone.
//!
//! Going forward the newest version comes first, so the first one at or below the number decides and the rest of the key
//! is passed over. Going backward the oldest comes first, so the last one at or below the number decides, and its
//! value is kept aside until the key is through.

use super::{Cursor, Direction};
use crate::base::{Kind, SeqNo};
use crate::error::Result;

/// The live keys and values under a cursor, at one sequence number.
#[derive(Debug)]
pub(crate) struct Visible<C> {
    cursor: C,
    direction: Direction,
    at: SeqNo,
    /// The key that was decided last; going forward its older versions are still to be passed over.
    key: Vec<u8>,
    /// Going backward: the value kept aside.
    value: Vec<u8>,
    /// Whether the cursor still stands within the versions of `key`.
    within: bool,
}

impl<C: Cursor> Visible<C> {
    /// What is visible at `at`; the cursor goes in `direction`.
    pub(crate) fn new(cursor: C, direction: Direction, at: SeqNo) -> Self {
        Self { cursor, direction, at, key: Vec::new(), value: Vec::new(), within: false }
    }

    /// The next key and its value; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        match self.direction {
            Direction::Forward => self.next_forward(),
            Direction::Backward => self.next_backward(),
        }
    }

    fn next_forward(&mut self) -> Result<Option<(&[u8], &[u8])>> {
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
                if entry.kind == Kind::Put {
                    break true;
                }
            }
            self.cursor.advance()?;
        };
        Ok(if found { self.cursor.entry().map(|entry| (&*self.key, entry.value)) } else { None })
    }

    fn next_backward(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        loop {
            let Some(entry) = self.cursor.entry() else { return Ok(None) };
            self.key.clear();
            self.key.extend_from_slice(entry.key);
            let mut live = false;
            while let Some(entry) = self.cursor.entry() {
                if entry.key != self.key {
                    break;
                }
                if entry.seqno <= self.at {
                    live = entry.kind == Kind::Put;
                    self.value.clear();
                    self.value.extend_from_slice(entry.value);
                }
                self.cursor.advance()?;
            }
            if live {
                return Ok(Some((&self.key, &self.value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::tests::{Listed, Owned};
    use super::*;

    proptest! {
        #[test]
        fn both_directions_see_the_state_at_the_sequence_number(
            history in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), prop::option::of(any::<u8>())), 0..40),
            at in 0u64..40,
        ) {
            let mut state = BTreeMap::new();
            let mut entries: Vec<Owned> = Vec::new();
            for (seqno, (key, value)) in history.into_iter().enumerate() {
                let value = value.map(|byte| vec![byte]);
                if seqno as u64 <= at {
                    state.insert(key.clone(), value.clone());
                }
                entries.push((key, seqno as u64, value));
            }
            let mut expected: Vec<_> = state.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let mut visible = Visible::new(Listed::new(entries.clone(), direction), direction, SeqNo(at));
                let mut seen = Vec::new();
                while let Some((key, value)) = visible.next().expect("no errors here") {
                    seen.push((key.to_vec(), value.to_vec()));
                }
                prop_assert_eq!(&seen, &expected);
                expected.reverse();
            }
        }
    }
}
