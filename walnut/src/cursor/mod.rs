//! The cursor (internal iterator): the interface that memtables and SSTs implement.
//!
//! A cursor is created for one range and one direction, positioned on the first entry. Forward,
//! entries come in internal order (key ascending, sequence number descending); backward, in exactly
//! the reverse. A cursor yields all versions: [`VisibleCursor`] on top of it decides what a reader
//! sees.
//!
//! ```text
//!   memtable ─────────────────────┐
//!   SST ──────────────────────────┼─ MergeCursor ── VisibleCursor ── rows
//!   SST, SST, .. ── ConcatCursor ─┘                       │
//!   range tombstones ──────────────────── Coverage ───────┘
//! ```
//!
//! Data in the range of a scan is often in a single run; then there is no merge. A cursor that
//! knows that a key has no other version reports it ([`EntryCursor::ends_key`]), which saves
//! [`VisibleCursor`] comparisons and copies.
//!
//! A run of dead keys is iterated over once: the next scan seeks past it ([`DeadKeys`]).
//!
//! Range tombstones are not entries. They are looked up beside the scan, in [`Coverage`], and
//! applied in [`VisibleCursor`] only, which lets the cursors seek past the entries that they hide
//! ([`EntryCursor::pass_older`]).

mod concat;
mod coverage;
mod dead;
mod merge;
mod visible;

pub(crate) use concat::{ConcatCursor, Pieces};
pub(crate) use coverage::Coverage;
pub(crate) use dead::DeadKeys;
pub(crate) use merge::MergeCursor;
pub(crate) use visible::steps;
pub(crate) use visible::{Seen, VisibleCursor};

use crate::base::{CoveredSpan, Entry, SeqNo};
use crate::error::Result;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// An iterator over entries, all versions included.
pub(crate) trait EntryCursor {
    /// The current entry; `None` at the end.
    fn entry(&self) -> Option<Entry<'_>>;

    /// Moves to the next entry in the cursor's direction. After an error the cursor must not be
    /// used again.
    fn advance(&mut self) -> Result<()>;

    /// Skips the entries, starting with the current one, that are in the span and older than
    /// `_than`, as far as no entry must be read for it. Returns whether the current entry was
    /// skipped.
    fn pass_older(&mut self, _stretch: &CoveredSpan, _than: SeqNo) -> Result<bool> {
        Ok(false)
    }

    /// Whether the next entry is known to have another key. May return `false` without knowing.
    fn ends_key(&self) -> bool {
        false
    }

    /// Moves to the next entry if it is in memory and known to have another key. Otherwise returns
    /// `false` and does not move.
    fn step_near(&mut self) -> bool {
        false
    }

    /// The number of entries after the current one that are known to be values visible at `_at` and
    /// the only versions of their keys: all of them are live unless a range tombstone covers them.
    fn live_at_hand(&self, _at: SeqNo) -> usize {
        0
    }

    /// Skips as many of these [entries](Self::live_at_hand) as come before the key `_bound`, in the
    /// cursor's direction, and stops on the last of them. Returns how many were skipped.
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

    /// A cursor over a list of entries, in the order of the list.
    pub(crate) struct Listed {
        entries: Vec<Owned>,
        index: usize,
        /// Whether it knows where a key ends.
        tells: bool,
        /// Whether it skips older entries.
        seeks: bool,
    }

    impl Listed {
        pub(crate) fn new(mut entries: Vec<Owned>, direction: Direction) -> Self {
            entries.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            if direction == Direction::Backward {
                entries.reverse();
            }
            Self { entries, index: 0, tells: false, seeks: false }
        }

        pub(crate) fn telling(self) -> Self {
            Self { tells: true, ..self }
        }

        pub(crate) fn seeking(self) -> Self {
            Self { seeks: true, ..self }
        }
    }

    impl EntryCursor for Listed {
        fn entry(&self) -> Option<Entry<'_>> {
            self.entries.get(self.index).map(|(key, seqno, value)| Entry {
                key,
                seqno: SeqNo(*seqno),
                kind: if value.is_some() { Kind::Put } else { Kind::Delete },
                value: value.as_deref().unwrap_or_default(),
            })
        }

        fn advance(&mut self) -> Result<()> {
            self.index += 1;
            Ok(())
        }

        fn pass_older(&mut self, span: &CoveredSpan, than: SeqNo) -> Result<bool> {
            let before = self.index;
            let is_older = |(key, seqno, _): &Owned| span.contains(key) && *seqno < than.0;
            while self.seeks && self.entries.get(self.index).is_some_and(is_older) {
                self.index += 1;
            }
            Ok(self.index > before)
        }

        fn step_near(&mut self) -> bool {
            let is_near = self.ends_key();
            self.index += usize::from(is_near);
            is_near
        }

        fn ends_key(&self) -> bool {
            let next = self.entries.get(self.index + 1);
            self.tells && next.is_some_and(|(next, ..)| *next != self.entries[self.index].0)
        }
    }

    /// The remaining entries.
    pub(crate) fn drain(mut cursor: impl EntryCursor) -> Result<Vec<Owned>> {
        let mut entries = Vec::new();
        while let Some(entry) = cursor.entry() {
            let value = (entry.kind == Kind::Put).then(|| entry.value.to_vec());
            entries.push((entry.key.to_vec(), entry.seqno.0, value));
            cursor.advance()?;
        }
        Ok(entries)
    }
}
