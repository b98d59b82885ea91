//! The memtable: the newest entries, in memory until they are flushed.
//!
//! ```text
//!   batch ──► entries: by id ◄── index: key to newest id     a get: a hash table word, an entry
//!                  ▲   versions of
//!                  │   a key linked
//!                  └──────────────── runs: keys, sorted      a cursor: a merge of a few runs and
//!                                    lazily, in runs and     the list, the visible version of a
//!                                    a skip list             key
//! ```
//!
//! A memtable is active while commits are inserted, then frozen: it is not written to again, and a
//! flush writes it out unchanged. It keeps the bytes of each batch as they came: nothing is copied,
//! and no allocation is per entry.
//!
//! 1. Entries are never removed or moved. Gets take no lock; a cursor takes one only when entries
//!    must be sorted for it.
//! 2. Entries become readable one by one while they are inserted; the reader's sequence number
//!    hides those of an unfinished commit.
//! 3. One thread inserts at a time.
//!
//! A key is sorted once, when it is new: overwriting it costs no sorting, and a scan finds the
//! visible version through jump pointers, however often the key was overwritten.
//!
//! Point entries and range tombstones are separate: a get searches the entries, and the range
//! tombstones only if there are any.
//!
//! An add is folded with the older versions of its key when it is inserted: see `adds`.
//!
//! It does not know what a commit or a file is.

mod adds;
mod append_vec;
mod cursor;
mod entries;
mod key_index;
#[cfg(feature = "parts")]
mod measure;
mod ranges;
mod run_slot;
mod skiplist;
mod sorted_runs;

pub(crate) use adds::DeltaCursor;
pub(crate) use cursor::MemtableCursor;
#[cfg(feature = "parts")]
pub use measure::MeasuredMemtable;

use std::hint::black_box;

use crate::base::{
    CoveredSpan, Entry, Fragment, KeyHash, KeyRange, Kind, RangeTombstones, SealedBatch, SeqNo,
};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering};
use entries::{EntryId, EntryTable, Link};
use key_index::KeyIndex;
use ranges::Ranges;
use sorted_runs::SortedRuns;

/// Memory of an entry besides its key and value, in bytes.
const ENTRY_OVERHEAD: usize = 32;

/// Memory of a key besides its entries, in bytes: its share of the hash index, and a slot in a run.
const KEY_OVERHEAD: usize = 16 + 24;

/// Memory of a folded add besides its bytes.
const SUM_OVERHEAD: usize = 48;

/// Up to this many entries are always checked one by one for a change in a range.
const MAX_CHECKED: u64 = 1024;

/// The number of entries whose hash index words are prefetched together.
const PREFETCH_BATCH: usize = 16;

/// The memory of range tombstones at which a memtable is full.
const MAX_RANGES_SIZE: usize = 16 << 20;

#[derive(Debug)]
pub(crate) struct Memtable {
    entries: EntryTable,
    index: KeyIndex,
    runs: SortedRuns,
    ranges: Ranges,
    /// The highest id that was inserted.
    filled: AtomicU32,
    size: AtomicUsize,
    /// The memory of versions that have a newer one.
    dead_size: AtomicUsize,
    max_lsn: AtomicU64,
    /// The number of byte buffers; locked during an insertion.
    buffer_count: Mutex<u32>,
}

impl Memtable {
    /// An empty memtable, all of whose entries will be above `max_lsn`.
    pub(crate) fn new(max_lsn: SeqNo) -> Self {
        Self::with_capacity_for(0, max_lsn)
    }

    /// The successor of `other`, with capacity for as many keys.
    pub(crate) fn after(other: &Self, max_lsn: SeqNo) -> Self {
        Self::with_capacity_for(other.index.key_count(), max_lsn)
    }

    fn with_capacity_for(key_count: usize, max_lsn: SeqNo) -> Self {
        Self {
            entries: EntryTable::new(max_lsn),
            index: KeyIndex::new(key_count),
            runs: SortedRuns::default(),
            ranges: Ranges::default(),
            filled: AtomicU32::new(0),
            size: AtomicUsize::new(0),
            dead_size: AtomicUsize::new(0),
            max_lsn: AtomicU64::new(max_lsn.0),
            buffer_count: Mutex::default(),
        }
    }

    /// Inserts the entries of a batch with consecutive sequence numbers from `first` on. They must
    /// be newer than all entries in the memtable.
    pub(crate) fn insert(&self, mut batch: SealedBatch, first: SeqNo) {
        if batch.has_adds {
            self.fold_in_place(&mut batch);
        }
        let SealedBatch { bytes, entries, .. } = batch;
        let Some(beyond) = entries.len().checked_sub(1) else { return };
        let last = first.plus(beyond as u64);
        let mut size = bytes.len() + entries.len() * ENTRY_OVERHEAD;
        let mut dead_size = 0;
        let mut buffer_count = self.buffer_count.lock();
        let buffer = *buffer_count;
        *buffer_count += 1;
        self.entries.keep_bytes(buffer, bytes);
        for (at, (id, entry)) in
            (self.entries.id_of(first)..=self.entries.id_of(last)).zip(&entries).enumerate()
        {
            if at % PREFETCH_BATCH == 0 {
                let next = entries[at..].iter().take(PREFETCH_BATCH);
                black_box(next.fold(0, |sum, entry| sum ^ self.index.prefetch(entry.hash)));
            }
            if !entry.kind.is_point() {
                self.entries.fill(id, buffer, entry, 0, Link::NewChain);
                let Entry { key, value, .. } = self.entries.entry(id);
                if key < value {
                    self.ranges.insert(&self.entries, id);
                }
                continue;
            }
            let key = self.entries.key_in(buffer, entry);
            let older = self.index.find(entry.hash, |found| self.entries.key(found) == key);
            let link = if older > 0 { self.link(key, older) } else { Link::NewChain };
            if older > 0 {
                dead_size += self.entries.size(older) + ENTRY_OVERHEAD;
            }
            if link == Link::NewChain {
                size += KEY_OVERHEAD;
            }
            if entry.kind == Kind::Add && !entry.is_folded {
                let (buffer, folded) = self.fold_add(entry, buffer, older, &mut buffer_count);
                self.entries.fill(id, buffer, &folded, older, link);
                size += self.entries.size(id) + SUM_OVERHEAD;
            } else {
                self.entries.fill(id, buffer, entry, older, link);
            }
            self.index.set(entry.hash, id, older);
        }
        let filled = self.entries.id_of(last);
        self.filled.fetch_max(filled, Ordering::AcqRel);
        self.size.fetch_add(size, Ordering::Relaxed);
        if dead_size > 0 {
            self.dead_size.fetch_add(dead_size, Ordering::Relaxed);
        }
        self.inject_max_lsn(last);
        self.runs.sort_backlog(&self.entries, filled);
    }

    /// How a new version of `key` is linked to its newest one.
    #[inline]
    fn link(&self, key: &[u8], older: EntryId) -> Link {
        let is_covered =
            !self.ranges.is_empty() && self.ranges.covering(&self.entries, key, EntryId::MAX) > older;
        if is_covered { Link::NewChain } else { Link::SameChain }
    }

    /// The newest version of `key`, whose hash is `hash`, at or below `at`, tombstones included; a
    /// range tombstone may be newer.
    ///
    /// Cost: one hash index probe when there is none.
    #[inline]
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        hash: KeyHash,
        at: SeqNo,
        found: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<R> {
        // The index of a memtable that follows a full one is large, and a probe is a cache miss.
        if self.is_empty() {
            return None;
        }
        let newest = self.index.find(hash, |id| self.entries.key(id) == key);
        let version = self.entries.version(newest, self.entries.id_at(at));
        (version > 0).then(|| found(self.entries.entry(version)))
    }

    /// Prefetches the memory with which a lookup of this hash starts.
    #[inline]
    pub(crate) fn prefetch(&self, hash: KeyHash) -> u64 {
        self.index.prefetch(hash)
    }

    /// Whether an entry of a key in `range` is above `since`; `None` when more entries than a
    /// thousand, and than `limit`, must be checked.
    pub(crate) fn is_changed_within(&self, range: &KeyRange, since: SeqNo, limit: u64) -> Option<bool> {
        let (since, filled) = (self.entries.id_at(since), self.filled());
        if u64::from(filled.saturating_sub(since)) > limit.max(MAX_CHECKED) {
            return None;
        }
        let ids = since.saturating_add(1)..=filled;
        let is_within = |key: &[u8]| *range.start <= *key && range.ends_after(key);
        Some(self.entries.points(ids).any(|id| is_within(self.entries.key(id))))
    }

    /// The entries above `since`, range tombstones included, in the order of their sequence
    /// numbers.
    pub(crate) fn entries_since(&self, since: SeqNo) -> impl Iterator<Item = Entry<'_>> {
        let ids = self.entries.id_at(since).saturating_add(1)..=self.filled();
        self.entries.filled(ids).map(|id| self.entries.entry(id))
    }

    /// The sequence number above which all entries are.
    pub(crate) fn base(&self) -> SeqNo {
        self.entries.base()
    }

    /// The newest range tombstone over `key` at or below `at`.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        if self.ranges.is_empty() {
            return None;
        }
        let newest = self.ranges.covering(&self.entries, key, self.entries.id_at(at));
        (newest > 0).then(|| self.entries.entry(newest).seqno)
    }

    /// The newest range tombstone over any key of `range`, if it is above `since`.
    pub(crate) fn newest_range_tombstone(&self, range: &KeyRange, since: SeqNo) -> Option<SeqNo> {
        if self.ranges.is_empty() { None } else { self.ranges.newest_within(&self.entries, range, since) }
    }

    pub(crate) fn has_range_tombstones(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// For each stripe the range tombstones that are the newest in it over some key. `stripe_id` is
    /// monotonic in the sequence number.
    ///
    /// Cost: linear in the number of range tombstones.
    pub(crate) fn range_tombstones<P: PartialEq>(
        &self,
        stripe_id: impl Fn(SeqNo) -> P,
    ) -> Vec<impl Iterator<Item = Fragment>> {
        self.ranges.by_stripe(&self.entries, |id| stripe_id(self.base().plus(id.into())))
    }

    /// Memory taken, in bytes; an estimate.
    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed) + self.ranges.size()
    }

    /// The part of it that is taken by versions with a newer one here.
    pub(crate) fn dead_size(&self) -> usize {
        self.dead_size.load(Ordering::Relaxed)
    }

    /// Whether the memtable should be frozen, given its memory limit. Range tombstones have a limit
    /// of their own, which bounds their block in the SST.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.size() >= limit || self.ranges.size() >= MAX_RANGES_SIZE
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled() == 0
    }

    /// The highest sequence number that was inserted or injected.
    pub(crate) fn max_lsn(&self) -> SeqNo {
        SeqNo(self.max_lsn.load(Ordering::Acquire))
    }

    /// Raises `max_lsn` without an entry: recovery sets it to where the log ended.
    pub(crate) fn inject_max_lsn(&self, seqno: SeqNo) {
        self.max_lsn.fetch_max(seqno.0, Ordering::AcqRel);
    }

    /// The highest id that was inserted; 0 when none was.
    fn filled(&self) -> EntryId {
        self.filled.load(Ordering::Acquire)
    }

    /// All keys, sorted.
    #[cfg(test)]
    fn sorted(&self) -> crate::sync::Arc<sorted_runs::Sorted> {
        self.runs.sorted(&self.entries, self.filled())
    }
}

impl RangeTombstones for Memtable {
    fn span_at(&self, key: &[u8], at: SeqNo) -> CoveredSpan {
        self.ranges.span_at(&self.entries, key, self.entries.id_at(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{EncodedEntry, KeyRange};
    use crate::cursor::Direction;
    use crate::cursor::tests::{Listed, Owned, drain};
    use crate::sync::Arc;

    fn filled(entries: &[Owned]) -> Arc<Memtable> {
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        // Batches of one entry, two, three, and so on.
        let mut rest = entries;
        for size in 1.. {
            let (these, others) = rest.split_at(size.min(rest.len()));
            let Some((_, first, _)) = these.first() else { break };
            memtable.insert(batch(these), SeqNo(*first));
            rest = others;
        }
        memtable
    }

    fn batch(entries: &[Owned]) -> SealedBatch {
        let (mut bytes, mut encoded) = (Vec::new(), Vec::new());
        for (key, _, value) in entries {
            bytes.push(0xee);
            let kind = if value.is_some() { Kind::Put } else { Kind::Delete };
            let value = value.as_deref().unwrap_or_default();
            encoded.push(EncodedEntry::new(kind, bytes.len(), key, value.len()));
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        SealedBatch::new(bytes, encoded)
    }

    fn history() -> impl Strategy<Value = Vec<Owned>> {
        let key = prop::collection::vec(0u8..3, 0..4);
        let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
        prop::collection::vec((key, value), 0..60).prop_map(|history| {
            history.into_iter().zip(1..).map(|((key, value), seqno)| (key, seqno, value)).collect()
        })
    }

    proptest! {
        #[test]
        fn a_get_finds_the_newest_version_not_above_its_number(
            entries in history(),
            key in prop::collection::vec(0u8..3, 0..4),
            at in 0u64..60,
        ) {
            let found = filled(&entries).get(&key, KeyHash::of(&key), SeqNo(at), |entry| {
                (entry.key.to_vec(), entry.seqno.0, (entry.kind == Kind::Put).then(|| entry.value.to_vec()))
            });
            let expected = entries.iter().filter(|entry| entry.0 == key && entry.1 <= at).max_by_key(|entry| entry.1);
            prop_assert_eq!(found.as_ref(), expected);
        }

        #[test]
        fn a_cursor_walks_its_range_in_both_directions(
            entries in history(),
            start in prop::collection::vec(0u8..3, 0..4),
            end in prop::option::of(prop::collection::vec(0u8..3, 0..4)),
        ) {
            let range = KeyRange { start, end };
            let inside: Vec<Owned> = entries.iter().filter(|entry| range.contains(&entry.0)).cloned().collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let cursor = MemtableCursor::new(filled(&entries), &range, direction);
                let expected = drain(Listed::new(inside.clone(), direction)).expect("no errors here");
                prop_assert_eq!(drain(cursor).expect("no errors here"), expected);
            }
        }
    }

    fn long_history(count: u64, keys: u64) -> Vec<Owned> {
        let mut random = 1u64;
        let entries = (1..=count).map(|seqno| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Keys that share more than a key prefix, and some that are shorter.
            let prefix = if random >> 63 == 0 { "a common beginning" } else { "key" };
            let key = format!("{prefix}/{}", (random >> 33) % keys).into_bytes();
            (key, seqno, (seqno % 5 > 0).then(|| seqno.to_le_bytes().to_vec()))
        });
        entries.collect()
    }

    #[test]
    fn a_large_memtable_has_few_strands_and_all_entries_in_order() {
        for keys in [3, 1000, 1_000_000] {
            let entries = long_history(60_000, keys);
            let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
            for (buffer, these) in entries.chunks(7).enumerate() {
                memtable.insert(batch(these), SeqNo(these[0].1));
                if buffer % 1000 == 0 {
                    assert!(memtable.sorted().runs.len() < 18, "a logarithm of what is sorted by now");
                }
            }
            let cursor = MemtableCursor::new(Arc::clone(&memtable), &KeyRange::all(), Direction::Forward);
            let mut expected = entries.clone();
            expected.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            assert_eq!(drain(cursor).expect("no errors here"), expected);
            for (key, seqno, value) in entries.iter().step_by(97) {
                let found = memtable.get(key, KeyHash::of(key), SeqNo(*seqno), |entry| {
                    (entry.seqno.0, (entry.kind == Kind::Put).then(|| entry.value.to_vec()))
                });
                assert_eq!(found, Some((*seqno, value.clone())));
            }
        }
    }

    #[test]
    fn readers_find_all_that_was_applied_while_the_writer_goes_on() {
        let entries = long_history(30_000, 200);
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for these in entries.chunks(5) {
                    memtable.insert(batch(these), SeqNo(these[0].1));
                }
            });
            for reader in 0..2 {
                let (memtable, entries) = (&memtable, &entries);
                scope.spawn(move || {
                    let mut at = 0;
                    for turn in reader.. {
                        if at == entries.len() as u64 {
                            return;
                        }
                        at = memtable.max_lsn().0;
                        let past = &entries[..usize::try_from(at).expect("small")];
                        let Some((key, ..)) = past.get(turn * 7919 % past.len().max(1)) else { continue };
                        let newest = past.iter().rev().find(|entry| entry.0 == *key).map(|entry| entry.1);
                        let found = memtable.get(key, KeyHash::of(key), SeqNo(at), |entry| entry.seqno.0);
                        assert_eq!(found, newest, "the newest of the past");
                        if turn % 64 == 0 {
                            let all = KeyRange::all();
                            let cursor = MemtableCursor::new(Arc::clone(memtable), &all, Direction::Backward);
                            let mut seen: Vec<_> = drain(cursor).expect("no errors here");
                            seen.retain(|entry| entry.1 <= at);
                            assert_eq!(seen.len(), past.len(), "each of the past once");
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_change_within_a_range_is_found_and_one_outside_is_not() {
        let entry = |key: &[u8], seqno| (key.to_vec(), seqno, Some(Vec::new()));
        let memtable = filled(&[entry(b"b", 1), entry(b"d", 2), entry(b"f", 3)]);
        let range = KeyRange { start: b"c".to_vec(), end: Some(b"f".to_vec()) };
        for (since, changed) in [(0, true), (1, true), (2, false), (3, false), (9, false)] {
            assert_eq!(memtable.is_changed_within(&range, SeqNo(since), 0), Some(changed), "since {since}");
        }
        let memtable = filled(&long_history(2000, 9));
        assert_eq!(memtable.is_changed_within(&range, SeqNo(0), 0), None, "too many to look at");
        assert_eq!(memtable.is_changed_within(&range, SeqNo(1900), 0), Some(false));
    }

    #[test]
    fn the_highest_number_is_that_of_the_log_even_without_entries() {
        let memtable = Memtable::new(SeqNo(4));
        assert_eq!(memtable.max_lsn(), SeqNo(4));
        memtable.inject_max_lsn(SeqNo(9));
        memtable.inject_max_lsn(SeqNo(7));
        assert_eq!(memtable.max_lsn(), SeqNo(9));
        assert!(memtable.is_empty());
        memtable.insert(batch(&[(b"k".to_vec(), 12, Some(b"v".to_vec()))]), SeqNo(12));
        assert_eq!(memtable.max_lsn(), SeqNo(12));
        assert!(!memtable.is_empty() && memtable.size() > 2);
    }
}
