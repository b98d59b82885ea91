//! The keys of a memtable in their order, as far as somebody needed it.
//!
//! ```text
//!   numbers  1 ....................... 9000 ......... 9700
//!            | strand | strand | strand   | not in order yet
//!                           | list              the newest of those that came a few at a time
//! ```
//!
//! Gets do not need the order, so inserting does not pay for it: keys are put in order when there are many new ones or when a cursor is
//! made. Few new ones, as of a scan after a small write, go into a skip list; many become a strand, which is sorted as a whole, and so does the
//! list when it has grown beyond what a processor keeps at hand.
//!
//! 1. Each chain of versions up to `up_to` is there once, by its oldest version: in one strand or in the list. Another version of a
//!    key that is there changes nothing.
//! 2. A new strand swallows those before it that are not twice as long, up to a limit that grows with the memtable: so the
//!    number of strands is logarithmic, a key is moved a logarithm of times, and nobody waits for a long merge.

use std::ops::{Deref, Range};

use arc_swap::ArcSwap;

use super::entries::{EntryId, EntryTable};
use super::skiplist::SkipList;
use crate::base::{KeyPrefix, key_prefix};
use crate::sync::{Arc, AtomicU32, Mutex, Ordering};

/// Up to so many new keys go into the list.
const FEW_NEW: EntryId = 256;

/// A list of so many keys becomes a strand.
const LIST_LIMIT: usize = 8192;

/// How many unsorted entries are sorted though nobody has asked.
pub(super) const SORTED_AT_LATEST: EntryId = 4096;

/// Strands of up to this many entries together are merged without a thought for the memtable's size.
const MERGE_LIMIT: usize = 64 << 10;

/// Above that, a merge takes at most this part of all entries.
const MERGE_SHARE: usize = 8;

/// Of how many entries of a strand the newest is known.
const FEW: usize = 64;

/// A key that is sought, with its head.
pub(super) type Target<'k> = (KeyPrefix, &'k [u8]);

/// A key in the order: enough of it to compare it with most others, and the number of the oldest version of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunSlot {
    pub(super) head: KeyPrefix,
    pub(super) number: EntryId,
}

/// Keys in their order, of equal ones the newer first, and the newest number of each few, so that those which are newer than a range
/// tombstone are found among many that are not.
#[derive(Debug)]
pub(super) struct SortedRun {
    slots: Box<[RunSlot]>,
    newest: Box<[EntryId]>,
    /// The head of the first of each few: close together, so that a search waits for memory at its end only.
    fences: Box<[KeyPrefix]>,
}

/// What is in order. The strands never change, and the list gets further keys until another order replaces this one.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) strands: Vec<Arc<SortedRun>>,
    pub(super) list: Arc<SkipList>,
}

/// The order, which grows.
#[derive(Debug, Default)]
pub(super) struct SortedRuns {
    sorted: ArcSwap<Sorted>,
    /// The last number whose key is in order. It is set after these.
    up_to: AtomicU32,
    /// Held by the one who sorts.
    turn: Mutex<()>,
}

impl SortedRuns {
    /// All keys up to a number, in order. There may be later ones too.
    pub(super) fn sorted(&self, rows: &EntryTable, up_to: EntryId) -> Arc<Sorted> {
        if self.up_to.load(Ordering::Acquire) < up_to {
            let _turn = self.turn.lock();
            self.enter(rows, up_to);
        }
        self.sorted.load_full()
    }

    /// Puts in order what came last, if it is much, and if nobody else is at it.
    pub(super) fn keep_up(&self, rows: &EntryTable, up_to: EntryId) {
        if up_to.saturating_sub(self.up_to.load(Ordering::Relaxed)) < SORTED_AT_LATEST {
            return;
        }
        if let Some(_turn) = self.turn.try_lock() {
            self.enter(rows, up_to);
        }
    }

    fn enter(&self, rows: &EntryTable, up_to: EntryId) {
        let before = self.up_to.load(Ordering::Relaxed);
        if before >= up_to {
            return;
        }
        let chains = || rows.chains(before + 1..=up_to);
        let keys = || chains().map(|number| RunSlot::new(rows, number));
        let is_few = up_to - before <= FEW_NEW || chains().nth(FEW_NEW as usize).is_none();
        let sorted = self.sorted.load();
        if is_few && sorted.list.len() < LIST_LIMIT {
            keys().for_each(|slot| sorted.list.insert(rows, slot));
        } else {
            let mut strand = Vec::with_capacity(if is_few { 0 } else { (up_to - before) as usize });
            strand.extend(keys());
            // A batch comes in order, so this is often one look at each.
            strand.sort_by(|left, right| left.order(right, rows));
            let mut list = Arc::clone(&sorted.list);
            if is_few {
                strand = merge(&list.slots(), &strand, rows);
                list = Arc::default();
            }
            self.sorted.store(Arc::new(sorted.with(strand, list, rows, up_to)));
        }
        self.up_to.store(up_to, Ordering::Release);
    }
}

impl Sorted {
    /// The same with another list and one strand more.
    fn with(&self, mut strand: Vec<RunSlot>, list: Arc<SkipList>, rows: &EntryTable, up_to: EntryId) -> Self {
        let mut strands = self.strands.clone();
        let limit = MERGE_LIMIT.max(up_to as usize / MERGE_SHARE);
        while let Some(last) =
            strands.pop_if(|last| last.len() < 2 * strand.len() && last.len() + strand.len() <= limit)
        {
            strand = merge(&last, &strand, rows);
        }
        strands.push(Arc::new(SortedRun::new(strand)));
        Self { strands, list }
    }
}

fn merge(left: &[RunSlot], right: &[RunSlot], rows: &EntryTable) -> Vec<RunSlot> {
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

impl SortedRun {
    fn new(slots: Vec<RunSlot>) -> Self {
        let newest = |few: &[RunSlot]| few.iter().map(|slot| slot.number).max().unwrap_or(0);
        let newest = slots.chunks(FEW).map(newest).collect();
        let fences = slots.iter().step_by(FEW).map(|slot| slot.head).collect();
        Self { slots: slots.into(), newest, fences }
    }

    /// How many keys are below one.
    pub(super) fn below(&self, target: Target<'_>, rows: &EntryTable) -> usize {
        let (mut few, mut end) = (0, self.fences.len());
        while few < end {
            let middle = usize::midpoint(few, end);
            let head = self.fences[middle];
            if head < target.0 || head == target.0 && self.slots[middle * FEW].is_below(target, rows) {
                few = middle + 1;
            } else {
                end = middle;
            }
        }
        let from = few.saturating_sub(1) * FEW;
        let to = (few * FEW).min(self.slots.len());
        from + self.slots[from..to].partition_point(|slot| slot.is_below(target, rows))
    }

    /// The first place among `places` of an entry that is newer than `than`, or their end.
    pub(super) fn first_newer(&self, places: Range<usize>, than: EntryId) -> usize {
        let Range { start, end } = places;
        let few = start.div_ceil(FEW).min(end.div_ceil(FEW));
        let is_newer = |slot: &RunSlot| slot.number > than;
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
    pub(super) fn last_newer(&self, places: Range<usize>, than: EntryId) -> usize {
        let Range { start, end } = places;
        let few = (end / FEW).max(start / FEW);
        let is_newer = |slot: &RunSlot| slot.number > than;
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

impl Deref for SortedRun {
    type Target = [RunSlot];

    #[inline]
    fn deref(&self) -> &[RunSlot] {
        &self.slots
    }
}

impl RunSlot {
    pub(super) fn new(rows: &EntryTable, number: EntryId) -> Self {
        Self { head: key_prefix(rows.key(number)), number }
    }

    /// How two keys are ordered; of equal ones the newer comes first.
    #[inline]
    pub(super) fn order(&self, other: &Self, rows: &EntryTable) -> std::cmp::Ordering {
        let keys = || rows.key(self.number).cmp(rows.key(other.number));
        let newer_first = || other.number.cmp(&self.number);
        self.head.cmp(&other.head).then_with(keys).then_with(newer_first)
    }

    /// The key with its head.
    pub(super) fn target(self, rows: &EntryTable) -> Target<'_> {
        (self.head, rows.key(self.number))
    }

    /// Whether the key is below this one.
    #[inline]
    pub(super) fn is_below(&self, (head, key): Target<'_>, rows: &EntryTable) -> bool {
        self.head.cmp(&head).then_with(|| rows.key(self.number).cmp(key)).is_lt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Link;
    use super::super::sealed_batch::SealedEntry;
    use super::*;
    use crate::base::{KeyHash, Kind, SeqNo};

    proptest! {
        #[test]
        fn the_next_newer_entry_is_found_in_both_directions(
            numbers in prop::collection::vec(0u32..40, 0..400),
            places in (0usize..400, 0usize..400),
            than in 0u32..45,
        ) {
            let slots = numbers.iter().map(|&number| RunSlot { head: key_prefix(b""), number }).collect();
            let strand = SortedRun::new(slots);
            let end = places.1.min(numbers.len());
            let start = places.0.min(end);
            let newer = |place: &usize| numbers[*place] > than;
            prop_assert_eq!(strand.first_newer(start..end, than), (start..end).find(newer).unwrap_or(end));
            prop_assert_eq!(strand.last_newer(start..end, than), (start..end).rfind(newer).map_or(start, |place| place + 1));
        }

        #[test]
        fn a_strand_knows_how_many_keys_are_below_one(
            mut keys in prop::collection::vec(prop::collection::vec(0u8..3, 14..19), 0..400),
            sought in prop::collection::vec(0u8..3, 14..19),
        ) {
            keys.sort();
            let rows = EntryTable::new(SeqNo::ZERO);
            let slots = (1..).zip(&keys).map(|(number, key)| {
                rows.keep(number, key.clone());
                let key_size = u32::try_from(key.len()).expect("small");
                let hash = KeyHash::of(key);
                let entry = SealedEntry { hash, key_offset: 0, key_size, value_size: 0, kind: Kind::Put };
                rows.fill(number, number, &entry, 0, Link::Begins);
                RunSlot::new(&rows, number)
            });
            let strand = SortedRun::new(slots.collect());
            let expected = keys.iter().filter(|key| **key < sought).count();
            prop_assert_eq!(strand.below((key_prefix(&sought), &sought), &rows), expected);
        }
    }
}
