//! The plug that memtables and SSTs fit: an entry, and a step to the next.
//!
//! A cursor is made for one range and one direction and stands on the first entry at once. Going forward it gives
//! entries in internal order (key ascending, sequence number descending); going backward in exactly the reverse.
//! It knows nothing of snapshots: what a reader sees is decided by [`VisibleCursor`] on top.
//!
//! ```text
//!   memtable ─────────────┐
//!   SST ──────────────────┼─ Merge ── Visible ── rows
//!   SST, SST, .. ── ConcatCursor ┘          │
//!   range tombstones ────── Coverage ─┘
//! ```
//!
//! Where a range has entries in one run only, as in settled data, there is no merge; and a cursor that knows that a key has no
//! other version says so ([`Cursor::ends_key`]), which spares `Visible` the comparison and the copies.
//!
//! A run of dead keys is walked over once: the next walk seeks past it ([`DeadKeys`]).
//!
//! Range tombstones are no entries: they are looked up beside the walk, in [`Coverage`], and meet the entries in
//! [`VisibleCursor`] only, which has the cursors seek past what they hide ([`Cursor::pass_older`]).

mod concat;
mod coverage;
mod dead;
mod merge;
mod visible;

pub(crate) use concat::{ConcatCursor, Pieces};
pub(crate) use coverage::Coverage;
pub(crate) use dead::DeadKeys;
pub(crate) use merge::MergeCursor;
#[cfg(test)]
pub(crate) use visible::steps;
pub(crate) use visible::{Seen, VisibleCursor};

use crate::base::{CoveredSpan, Entry, SeqNo};
use crate::error::Result;

/// Which way a cursor goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// A walk over entries.
pub(crate) trait Cursor {
    /// The entry that the cursor stands on; `None` at the end.
    fn entry(&self) -> Option<Entry<'_>>;

    /// Moves to the next entry in the cursor's direction. After an error the cursor must not be used again.
    fn advance(&mut self) -> Result<()>;

    /// Passes the entries from the current one on that lie in a stretch, in the cursor's direction, and are older than a number: as far as
    /// that is known without a look at each of them. Whether it has passed the current one.
    fn pass_older(&mut self, _stretch: &CoveredSpan, _than: SeqNo) -> Result<bool> {
        Ok(false)
    }

    /// Whether the entry after this one is known to be of another key. `false` says nothing: it may be the same one.
    fn ends_key(&self) -> bool {
        false
    }

    /// Moves to the next entry if that is at hand and known to be of another key. `false` says nothing, and has moved nothing.
    fn step_near(&mut self) -> bool {
        false
    }

    /// How many entries after this one are known to be values not above a number, each of them the only version of its key. As they have no
    /// other versions, all of them are visible then, range tombstones aside.
    fn live_at_hand(&self, _at: SeqNo) -> usize {
        0
    }

    /// Moves over as many of the entries [at hand](Self::live_at_hand) as come before a key that is not the current one, in the cursor's
    /// direction, to the last of them; how many they are.
    fn pass_live(&mut self, _at: SeqNo, _bound: Option<&[u8]>) -> usize {
        0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::{Kind, SeqNo};

    /// An entry that owns its bytes: key, sequence number, value or tombstone.
    pub(crate) type Owned = (Vec<u8>, u64, Option<Vec<u8>>);

    /// A cursor over entries that are given in the order in which it is to walk them.
    pub(crate) struct Listed {
        entries: Vec<Owned>,
        place: usize,
        /// Whether it tells where a key ends.
        tells: bool,
        /// Whether it passes what it is told to.
        seeks: bool,
    }

    impl Listed {
        pub(crate) fn new(mut entries: Vec<Owned>, direction: Direction) -> Self {
            entries.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            if direction == Direction::Backward {
                entries.reverse();
            }
            Self { entries, place: 0, tells: false, seeks: false }
        }

        /// The same, and it tells where a key ends.
        pub(crate) fn telling(self) -> Self {
            Self { tells: true, ..self }
        }

        /// The same, and it passes what it is told to.
        pub(crate) fn seeking(self) -> Self {
            Self { seeks: true, ..self }
        }
    }

    impl Cursor for Listed {
        fn entry(&self) -> Option<Entry<'_>> {
            self.entries.get(self.place).map(|(key, seqno, value)| Entry {
                key,
                seqno: SeqNo(*seqno),
                kind: if value.is_some() { Kind::Put } else { Kind::Delete },
                value: value.as_deref().unwrap_or_default(),
            })
        }

        fn advance(&mut self) -> Result<()> {
            self.place += 1;
            Ok(())
        }

        fn pass_older(&mut self, stretch: &CoveredSpan, than: SeqNo) -> Result<bool> {
            let before = self.place;
            let is_older = |(key, seqno, _): &Owned| stretch.has(key) && *seqno < than.0;
            while self.seeks && self.entries.get(self.place).is_some_and(is_older) {
                self.place += 1;
            }
            Ok(self.place > before)
        }

        fn step_near(&mut self) -> bool {
            let is_near = self.ends_key();
            self.place += usize::from(is_near);
            is_near
        }

        fn ends_key(&self) -> bool {
            let next = self.entries.get(self.place + 1);
            self.tells && next.is_some_and(|(next, ..)| *next != self.entries[self.place].0)
        }
    }

    /// Everything that a cursor has left.
    pub(crate) fn drain(mut cursor: impl Cursor) -> Result<Vec<Owned>> {
        let mut entries = Vec::new();
        while let Some(entry) = cursor.entry() {
            let value = (entry.kind == Kind::Put).then(|| entry.value.to_vec());
            entries.push((entry.key.to_vec(), entry.seqno.0, value));
            cursor.advance()?;
        }
        Ok(entries)
    }
}
