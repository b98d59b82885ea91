//! The sorted keys of a memtable, sorted lazily in runs.
//!
//! ```text
//!   ids      1 ....................... 9000 ......... 9700
//!            | run    | run    | run      | not sorted yet
//!                           | list              the newest of those that came a few at a time
//! ```
//!
//! Gets do not need sorted keys, so inserting does not pay for them: keys are sorted when there are
//! many new ones or when a cursor is created. A few new ones, as for a scan after a small write,
//! are inserted into a skip list; more become a run, which is sorted as a whole, and so does the
//! list when it outgrows the processor's cache. Writers leave few keys unsorted, so that the first
//! cursor after any number of writes sorts few.
//!
//! 1. Each chain of versions up to `up_to` is included once, by its oldest version: in one run or
//!    in the list. A further version of a chain changes nothing.
//! 2. A new run is merged with those before it that are less than twice as long, up to a limit that
//!    grows with the memtable: so the number of runs is logarithmic, a key is moved a logarithm of
//!    times, and no writer or reader waits for a long merge.

use std::ops::{Deref, Range};

use arc_swap::ArcSwap;

use super::entries::{EntryId, EntryTable};
use super::run_slot::{RunSlot, Target};
use super::skiplist::SkipList;
use crate::base::KeyPrefix;
use crate::sync::{Arc, AtomicU32, Mutex, Ordering};

/// Up to this many new keys are inserted into the list, each with a search in it. To sort more as a
/// run takes less time, the merges with older runs included.
const FEW_NEW: usize = 16;

/// A list of this many keys becomes a run.
const LIST_LIMIT: usize = 8192;

/// This many unsorted entries are sorted by the writer, even without a cursor, while their keys are
/// still in the processor's cache.
const MAX_UNSORTED: EntryId = 256;

/// Runs of up to this many entries together are merged, whatever the memtable's size.
const MERGE_LIMIT: usize = 64 << 10;

/// Above that, a merge takes at most this fraction of all entries.
const MERGE_SHARE: usize = 8;

/// The number of slots of a run that share an entry of its sparse index.
const BLOCK_LEN: usize = 64;

/// Slots in key order, of equal keys the newer first, and the newest id of each block of slots, by
/// which entries that are newer than a range tombstone are found among many that are not.
#[derive(Debug)]
pub(super) struct SortedRun {
    slots: Box<[RunSlot]>,
    newest: Box<[EntryId]>,
    /// The prefix of the first slot of each block: close together, so that a binary search has few
    /// cache misses.
    prefixes: Box<[KeyPrefix]>,
}

/// A state of the sorted keys. The runs never change; the list grows until another state replaces
/// this one.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) runs: Vec<Arc<SortedRun>>,
    pub(super) list: Arc<SkipList>,
}

#[derive(Debug, Default)]
pub(super) struct SortedRuns {
    sorted: ArcSwap<Sorted>,
    /// The last id whose key is sorted. Set after the keys.
    up_to: AtomicU32,
    /// Held by the thread that sorts.
    sorting: Mutex<()>,
}

impl SortedRuns {
    /// All keys up to an id, sorted. Later ones may be included.
    pub(super) fn sorted(&self, entries: &EntryTable, up_to: EntryId) -> Arc<Sorted> {
        if self.up_to.load(Ordering::Acquire) < up_to {
            let _sorting = self.sorting.lock();
            self.sort_up_to(entries, up_to);
        }
        self.sorted.load_full()
    }

    /// Sorts the unsorted entries if they are many, unless another thread is sorting.
    pub(super) fn sort_backlog(&self, entries: &EntryTable, up_to: EntryId) {
        if up_to.saturating_sub(self.up_to.load(Ordering::Relaxed)) < MAX_UNSORTED {
            return;
        }
        if let Some(_sorting) = self.sorting.try_lock() {
            self.sort_up_to(entries, up_to);
        }
    }

    fn sort_up_to(&self, entries: &EntryTable, up_to: EntryId) {
        let before = self.up_to.load(Ordering::Relaxed);
        if before >= up_to {
            return;
        }
        let chains = || entries.chains(before + 1..=up_to);
        let keys = || chains().map(|id| RunSlot::new(entries, id));
        let is_few = chains().nth(FEW_NEW).is_none();
        let sorted = self.sorted.load();
        if is_few && sorted.list.len() < LIST_LIMIT {
            keys().for_each(|slot| sorted.list.insert(entries, slot));
        } else {
            let mut run = Vec::with_capacity(if is_few { 0 } else { (up_to - before) as usize });
            run.extend(keys());
            // Commits often insert keys in order; then this is one comparison per key.
            run.sort_by(|left, right| left.order(right, entries));
            let mut list = Arc::clone(&sorted.list);
            if is_few {
                run = merge(&list.slots(), &run, entries);
                list = Arc::default();
            }
            self.sorted.store(Arc::new(sorted.with(run, list, entries, up_to)));
        }
        self.up_to.store(up_to, Ordering::Release);
    }
}

impl Sorted {
    /// A copy with another list and one more run.
    fn with(&self, mut run: Vec<RunSlot>, list: Arc<SkipList>, entries: &EntryTable, up_to: EntryId) -> Self {
        let mut runs = self.runs.clone();
        let limit = MERGE_LIMIT.max(up_to as usize / MERGE_SHARE);
        while let Some(last) =
            runs.pop_if(|last| last.len() < 2 * run.len() && last.len() + run.len() <= limit)
        {
            run = merge(&last, &run, entries);
        }
        runs.push(Arc::new(SortedRun::new(run)));
        Self { runs, list }
    }
}

fn merge(left: &[RunSlot], right: &[RunSlot], entries: &EntryTable) -> Vec<RunSlot> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left, right);
    while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
        if first.order(second, entries).is_lt() {
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
        let newest = |block: &[RunSlot]| block.iter().map(|slot| slot.id).max().unwrap_or(0);
        let newest = slots.chunks(BLOCK_LEN).map(newest).collect();
        let prefixes = slots.iter().step_by(BLOCK_LEN).map(|slot| slot.prefix).collect();
        Self { slots: slots.into(), newest, prefixes }
    }

    /// The number of slots below a key.
    pub(super) fn below(&self, target: Target<'_>, entries: &EntryTable) -> usize {
        let (mut block, mut end) = (0, self.prefixes.len());
        while block < end {
            let middle = usize::midpoint(block, end);
            let prefix = self.prefixes[middle];
            if prefix < target.0
                || prefix == target.0 && self.slots[middle * BLOCK_LEN].is_below(target, entries)
            {
                block = middle + 1;
            } else {
                end = middle;
            }
        }
        let from = block.saturating_sub(1) * BLOCK_LEN;
        let to = (block * BLOCK_LEN).min(self.slots.len());
        from + self.slots[from..to].partition_point(|slot| slot.is_below(target, entries))
    }

    /// The first index in `within` of an entry that is newer than `than`, or their end.
    pub(super) fn first_newer(&self, within: Range<usize>, than: EntryId) -> usize {
        let Range { start, end } = within;
        let block = start.div_ceil(BLOCK_LEN).min(end.div_ceil(BLOCK_LEN));
        let is_newer = |slot: &RunSlot| slot.id > than;
        let in_block = |from: usize, to: usize| {
            let found = self.slots.get(from..to)?.iter().position(is_newer)?;
            Some(from + found)
        };
        if let Some(found) = in_block(start, (block * BLOCK_LEN).min(end)) {
            return found;
        }
        let next = self.newest[block..end.div_ceil(BLOCK_LEN)].iter().position(|newest| *newest > than);
        let next = next.map(|next| (block + next) * BLOCK_LEN);
        next.and_then(|next| in_block(next, (next + BLOCK_LEN).min(end))).unwrap_or(end)
    }

    /// The index behind the last entry in `within` that is newer than `than`, or their start.
    pub(super) fn last_newer(&self, within: Range<usize>, than: EntryId) -> usize {
        let Range { start, end } = within;
        let block = (end / BLOCK_LEN).max(start / BLOCK_LEN);
        let is_newer = |slot: &RunSlot| slot.id > than;
        let in_block = |from: usize, to: usize| {
            let found = self.slots.get(from..to)?.iter().rposition(is_newer)?;
            Some(from + found + 1)
        };
        if let Some(found) = in_block((block * BLOCK_LEN).max(start), end) {
            return found;
        }
        let next = self.newest[start / BLOCK_LEN..block].iter().rposition(|newest| *newest > than);
        let next = next.map(|next| (start / BLOCK_LEN + next) * BLOCK_LEN);
        next.and_then(|next| in_block(next.max(start), next + BLOCK_LEN)).unwrap_or(start)
    }
}

impl Deref for SortedRun {
    type Target = [RunSlot];

    #[inline]
    fn deref(&self) -> &[RunSlot] {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Link;
    use super::*;
    use crate::base::{EncodedEntry, Kind, SeqNo, key_prefix};

    /// A cursor sorts less than `MAX_UNSORTED` entries, and searches few runs, however much was
    /// written before it.
    #[test]
    fn writes_leave_few_keys_to_be_sorted_by_a_cursor() {
        let (entries, runs) = (EntryTable::new(SeqNo::ZERO), SortedRuns::default());
        // Three versions of each key, in an order that is not that of the keys.
        for id in 1..=100_000 {
            let key = (u64::from(id - 1) / 3).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            entries.keep_bytes(id, key.to_vec());
            let (older, link) = if id % 3 == 1 { (0, Link::NewChain) } else { (id - 1, Link::SameChain) };
            entries.fill(id, id, &EncodedEntry::new(Kind::Put, 0, &key, 0), older, link);
            runs.sort_backlog(&entries, id);
            assert!(id - runs.up_to.load(Ordering::Relaxed) < MAX_UNSORTED);
        }
        let count = runs.sorted(&entries, 100_000).runs.len();
        assert!(count <= 8, "{count} runs");
    }

    proptest! {
        #[test]
        fn the_next_newer_entry_is_found_in_both_directions(
            ids in prop::collection::vec(0u32..40, 0..400),
            within in (0usize..400, 0usize..400),
            than in 0u32..45,
        ) {
            let slots = ids.iter().map(|&id| RunSlot { prefix: key_prefix(b""), id }).collect();
            let run = SortedRun::new(slots);
            let end = within.1.min(ids.len());
            let start = within.0.min(end);
            let newer = |index: &usize| ids[*index] > than;
            prop_assert_eq!(run.first_newer(start..end, than), (start..end).find(newer).unwrap_or(end));
            prop_assert_eq!(run.last_newer(start..end, than), (start..end).rfind(newer).map_or(start, |index| index + 1));
        }

        #[test]
        fn a_strand_knows_how_many_keys_are_below_one(
            mut keys in prop::collection::vec(prop::collection::vec(0u8..3, 14..19), 0..400),
            sought in prop::collection::vec(0u8..3, 14..19),
        ) {
            keys.sort();
            let entries = EntryTable::new(SeqNo::ZERO);
            let slots = (1..).zip(&keys).map(|(id, key)| {
                entries.keep_bytes(id, key.clone());
                let entry = EncodedEntry::new(Kind::Put, 0, key, 0);
                entries.fill(id, id, &entry, 0, Link::NewChain);
                RunSlot::new(&entries, id)
            });
            let run = SortedRun::new(slots.collect());
            let expected = keys.iter().filter(|key| **key < sought).count();
            prop_assert_eq!(run.below((key_prefix(&sought), &sought), &entries), expected);
        }
    }
}
