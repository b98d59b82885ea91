//! The entries of a memtable in their order, as far as somebody needed it.
//!
//! ```text
//!   numbers  1 ....................... 9000 ......... 9700
//!            | strand | strand | strand   | not in order yet
//! ```
//!
//! Gets do not need the order, so inserting does not pay for it: a strand is sorted from what came since the last one, when
//! there is much of it or when a cursor is made.
//!
//! 1. Each entry up to `up_to` that is no range tombstone is in exactly one strand.
//! 2. A new strand swallows those before it that are not twice as long, up to a limit that grows with the memtable: so the
//!    number of strands is logarithmic, an entry is moved a logarithm of times, and nobody waits for a long merge.

use std::ops::{Deref, Range};

use arc_swap::ArcSwap;

use super::rows::{Number, Rows};
use crate::base::{Head, head};
use crate::sync::{Arc, Mutex};

/// How many unsorted entries are sorted though nobody has asked.
pub(super) const SORTED_AT_LATEST: Number = 4096;

/// Strands of up to this many entries together are merged without a thought for the memtable's size.
const MERGE_LIMIT: usize = 64 << 10;

/// Above that, a merge takes at most this part of all entries.
const MERGE_SHARE: usize = 8;

/// Of how many entries of a strand the newest is known.
const FEW: usize = 64;

/// An entry in a strand: enough of its key to compare it with most others, and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    head: Head,
    pub(super) number: Number,
}

/// Entries in internal order, and the newest of each few, so that those which are newer than a range tombstone are found among many
/// that are not.
#[derive(Debug)]
pub(super) struct Strand {
    slots: Box<[Slot]>,
    newest: Box<[Number]>,
}

/// What is in order. Never changed; another one replaces it.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) strands: Vec<Arc<Strand>>,
    /// The last number that is in one of them.
    up_to: Number,
}

/// The order, which grows.
#[derive(Debug, Default)]
pub(super) struct Order {
    sorted: ArcSwap<Sorted>,
    /// Held by the one who sorts.
    turn: Mutex<()>,
}

impl Order {
    /// All entries up to a number, in strands. They may have later ones too.
    pub(super) fn sorted(&self, rows: &Rows, up_to: Number) -> Arc<Sorted> {
        let sorted = self.sorted.load_full();
        if sorted.up_to >= up_to {
            return sorted;
        }
        let _turn = self.turn.lock();
        self.sort(rows, up_to)
    }

    /// Sorts what came last, if it is much, and if nobody else is sorting.
    pub(super) fn keep_up(&self, rows: &Rows, up_to: Number) {
        if up_to.saturating_sub(self.sorted.load().up_to) < SORTED_AT_LATEST {
            return;
        }
        if let Some(_turn) = self.turn.try_lock() {
            self.sort(rows, up_to);
        }
    }

    fn sort(&self, rows: &Rows, up_to: Number) -> Arc<Sorted> {
        let sorted = self.sorted.load_full();
        if sorted.up_to >= up_to {
            return sorted;
        }
        let mut strand = Vec::with_capacity((up_to - sorted.up_to) as usize);
        strand.extend(rows.of_one_key(sorted.up_to + 1..=up_to).map(|number| Slot::new(rows, number)));
        // A batch comes in order, so this is often one look at each.
        strand.sort_by(|left, right| left.order(right, rows));
        let mut strands = sorted.strands.clone();
        let limit = MERGE_LIMIT.max(up_to as usize / MERGE_SHARE);
        while let Some(last) =
            strands.pop_if(|last| last.len() < 2 * strand.len() && last.len() + strand.len() <= limit)
        {
            strand = merge(&last, &strand, rows);
        }
        if !strand.is_empty() {
            strands.push(Arc::new(Strand::new(strand)));
        }
        let sorted = Arc::new(Sorted { strands, up_to });
        self.sorted.store(Arc::clone(&sorted));
        sorted
    }
}

fn merge(left: &[Slot], right: &[Slot], rows: &Rows) -> Vec<Slot> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left, right);
    while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
        if first.order(second, rows).is_lt() {
            merged.push(*first);
            left = left_rest;
        } else {
            merged.push(*second);
            right = right_rest;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    merged
}

impl Strand {
    fn new(slots: Vec<Slot>) -> Self {
        let newest = |few: &[Slot]| few.iter().map(|slot| slot.number).max().unwrap_or(0);
        let newest = slots.chunks(FEW).map(newest).collect();
        Self { slots: slots.into(), newest }
    }

    /// The first place among `places` of an entry that is newer than `than`, or their end.
    pub(super) fn first_newer(&self, places: Range<usize>, than: Number) -> usize {
        let Range { start, end } = places;
        let few = start.div_ceil(FEW).min(end.div_ceil(FEW));
        let is_newer = |slot: &Slot| slot.number > than;
        let in_few = |from: usize, to: usize| {
            let found = self.slots.get(from..to)?.iter().position(is_newer)?;
            Some(from + found)
        };
        if let Some(found) = in_few(start, (few * FEW).min(end)) {
            return found;
        }
        let next = self.newest[few..end.div_ceil(FEW)].iter().position(|newest| *newest > than);
        let next = next.map(|next| (few + next) * FEW);
        next.and_then(|next| in_few(next, (next + FEW).min(end))).unwrap_or(end)
    }

    /// The place behind the last one among `places` of an entry that is newer than `than`, or their start.
    pub(super) fn last_newer(&self, places: Range<usize>, than: Number) -> usize {
        let Range { start, end } = places;
        let few = (end / FEW).max(start / FEW);
        let is_newer = |slot: &Slot| slot.number > than;
        let in_few = |from: usize, to: usize| {
            let found = self.slots.get(from..to)?.iter().rposition(is_newer)?;
            Some(from + found + 1)
        };
        if let Some(found) = in_few((few * FEW).max(start), end) {
            return found;
        }
        let next = self.newest[start / FEW..few].iter().rposition(|newest| *newest > than);
        let next = next.map(|next| (start / FEW + next) * FEW);
        next.and_then(|next| in_few(next.max(start), next + FEW)).unwrap_or(start)
    }
}

impl Deref for Strand {
    type Target = [Slot];

    #[inline]
    fn deref(&self) -> &[Slot] {
        &self.slots
    }
}

impl Slot {
    pub(super) fn new(rows: &Rows, number: Number) -> Self {
        Self { head: head(rows.key(number)), number }
    }

    /// How two entries are ordered: by key, newer ones first.
    #[inline]
    pub(super) fn order(&self, other: &Self, rows: &Rows) -> std::cmp::Ordering {
        let keys = || rows.key(self.number).cmp(rows.key(other.number));
        let newer_first = || other.number.cmp(&self.number);
        self.head.cmp(&other.head).then_with(keys).then_with(newer_first)
    }

    /// Whether the entry's key is below this one, whose head is given with it.
    pub(super) fn is_below(&self, (head, key): (Head, &[u8]), rows: &Rows) -> bool {
        self.head.cmp(&head).then_with(|| rows.key(self.number).cmp(key)).is_lt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_newer_entry_is_found_in_both_directions(
            numbers in prop::collection::vec(0u32..40, 0..400),
            places in (0usize..400, 0usize..400),
            than in 0u32..45,
        ) {
            let slots = numbers.iter().map(|&number| Slot { head: head(b""), number }).collect();
            let strand = Strand::new(slots);
            let end = places.1.min(numbers.len());
            let start = places.0.min(end);
            let newer = |place: &usize| numbers[*place] > than;
            prop_assert_eq!(strand.first_newer(start..end, than), (start..end).find(newer).unwrap_or(end));
            prop_assert_eq!(strand.last_newer(start..end, than), (start..end).rfind(newer).map_or(start, |place| place + 1));
        }
    }
}
