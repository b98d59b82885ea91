//! What a reader sees at a sequence number: of each key the newest version not above it, unless that is a tombstone.
//!
//! Going forward the newest version comes first, so the first one at or below the number decides and the rest of the key
//! is passed over. Going backward the oldest comes first, so the last one at or below the number decides, and its
//! value is kept aside until the key is through.

use super::{Cursor, Direction};
use crate::base::{Kind, SeqNo};
use crate::error::Result;

/// A key that has a value, and the kind and the bytes of the entry that gives it: the value itself, or a pointer to it.
pub(crate) type Seen<'s> = (&'s [u8], Kind, &'s [u8]);

/// The live keys and values under a cursor, at one sequence number.
#[derive(Debug)]
pub(crate) struct Visible<C> {
    cursor: C,
    direction: Direction,
    at: SeqNo,
    /// The key that was decided last; going forward its older versions are still to be passed over.
    key: Vec<u8>,
    /// Going backward: the kind and the value kept aside.
    kind: Kind,
    value: Vec<u8>,
    /// Whether the cursor still stands within the versions of `key`.
    within: bool,
}

impl<C: Cursor> Visible<C> {
    /// What is visible at `at`; the cursor goes in `direction`.
    pub(crate) fn new(cursor: C, direction: Direction, at: SeqNo) -> Self {
        Self { cursor, direction, at, key: Vec::new(), kind: Kind::Delete, value: Vec::new(), within: false }
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
                if entry.kind.is_value() {
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
                    self.kind = entry.kind;
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
                while let Some((key, _, value)) = visible.next().expect("no errors here") {
                    seen.push((key.to_vec(), value.to_vec()));
                }
                prop_assert_eq!(&seen, &expected);
                expected.reverse();
            }
        }
    }
}
