//! The newest entries, in memory until they are flushed.
//!
//! ```text
//!   insertion ──► rows: by number ◄── newest: key to number       a get: one word of a table, one row
//!                  ▲   versions of
//!                  │   a key linked
//!                  └───────────────── order: keys in strands      a cursor: a merge of a few strands and of the list,
//!                                     and in a skip list          of each key the version that its reader sees
//! ```
//!
//! A memtable is active while commits go into it, then frozen: nobody writes to it again, and a flush writes it out
//! as it stands. An insertion keeps the bytes in which its entries came: nothing is copied, and
//! nothing is allocated for a single entry.
//!
//! 1. Entries are never removed or moved. Gets take no lock; a cursor takes one only when entries have to be sorted for it.
//! 2. Entries become readable one by one while they are inserted; it is the reader's sequence number that hides those of
//!    a commit that is not finished.
//! 3. One thread inserts at a time.
//!
//! A key enters the order once, when it is new: to overwrite it costs no ordering, and a walk finds the version to see by links that leap,
//! however often it was overwritten.
//!
//! Entries of one key and range tombstones are kept apart: a get looks into the list of the ones, and asks the others
//! only when there are any.
//!
//! An add is summed up when it is inserted, with all that is older of its key here: see `adds`.
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
mod sealed_batch;
mod skiplist;
mod sorted_runs;

pub(crate) use adds::DeltaCursor;
pub(crate) use cursor::MemtableCursor;
#[cfg(feature = "parts")]
pub use measure::MeasuredMemtable;
pub(crate) use sealed_batch::{BatchSpan, SealedBatch};

use std::hint::black_box;

use crate::base::{CoveredSpan, Entry, Fragment, KeyHash, KeyRange, Kind, RangeTombstones, SeqNo};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering};
use entries::{EntryId, EntryTable, Link};
use key_index::KeyIndex;
use ranges::Ranges;
use sorted_runs::SortedRuns;

/// Bytes that an entry takes besides its key and value.
const ENTRY_OVERHEAD: usize = 32;

/// Bytes that a key takes besides: its share of the table of hashes, and a slot in a strand.
const KEY_OVERHEAD: usize = 16 + 24;

/// Bytes that the bytes of a sum take besides themselves.
const SUM_OVERHEAD: usize = 48;

/// Up to so many entries that came since a number, each of them is looked at when a change of a range is looked for.
const FEW: EntryId = 1024;

/// So many entries ask at once for where they will stand.
const TOGETHER: usize = 16;

/// The memory of range tombstones at which a memtable is full.
const MAX_RANGES_SIZE: usize = 16 << 20;

/// A set of entries that grows.
#[derive(Debug)]
pub(crate) struct Memtable {
    entries: EntryTable,
    newest: KeyIndex,
    order: SortedRuns,
    ranges: Ranges,
    /// The highest number that was inserted.
    filled: AtomicU32,
    size: AtomicUsize,
    /// What versions take that have a newer one.
    dead_size: AtomicUsize,
    max_lsn: AtomicU64,
    /// How many insertions there were; held while one is made.
    insertion_count: Mutex<u32>,
}

impl Memtable {
    /// An empty one, whose entries will all be newer than `max_lsn`.
    pub(crate) fn new(max_lsn: SeqNo) -> Self {
        Self::with_room_for(0, max_lsn)
    }

    /// One that comes after another, and will probably hold as much.
    pub(crate) fn after(other: &Self, max_lsn: SeqNo) -> Self {
        Self::with_room_for(other.newest.key_count(), max_lsn)
    }

    fn with_room_for(key_count: usize, max_lsn: SeqNo) -> Self {
        Self {
            entries: EntryTable::new(max_lsn),
            newest: KeyIndex::new(key_count),
            order: SortedRuns::default(),
            ranges: Ranges::default(),
            filled: AtomicU32::new(0),
            size: AtomicUsize::new(0),
            dead_size: AtomicUsize::new(0),
            max_lsn: AtomicU64::new(max_lsn.0),
            insertion_count: Mutex::default(),
        }
    }

    /// Adds entries, of which the first gets this sequence number and the others those after it. They are newer than all
    /// that are there.
    pub(crate) fn insert(&self, insertion: SealedBatch, first: SeqNo) {
        let SealedBatch { bytes, entries } = insertion;
        let Some(beyond) = entries.len().checked_sub(1) else { return };
        let last = first.plus(beyond as u64);
        let mut size = bytes.len() + entries.len() * ENTRY_OVERHEAD;
        let mut dead_size = 0;
        let mut insertion_count = self.insertion_count.lock();
        let place = *insertion_count;
        *insertion_count += 1;
        self.entries.keep(place, bytes);
        for (at, (number, entry)) in
            (self.entries.number_of(first)..=self.entries.number_of(last)).zip(&entries).enumerate()
        {
            if at % TOGETHER == 0 {
                let next = entries[at..].iter().take(TOGETHER);
                black_box(next.fold(0, |sum, entry| sum ^ self.newest.prefetch(entry.hash)));
            }
            if !entry.kind.is_point() {
                self.entries.fill(number, place, entry, 0, Link::Begins);
                let Entry { key, value, .. } = self.entries.entry(number);
                if key < value {
                    self.ranges.insert(&self.entries, number);
                }
                continue;
            }
            let key = self.entries.key_in(place, entry);
            let older = self.newest.find(entry.hash, |found| self.entries.key(found) == key);
            let link = if older > 0 { self.link(key, older) } else { Link::Begins };
            if older > 0 {
                dead_size += self.entries.size(older) + ENTRY_OVERHEAD;
            }
            if link == Link::Begins {
                size += KEY_OVERHEAD;
            }
            if entry.kind == Kind::Add {
                let (place, summed) = self.sum_up(entry, place, older, &mut insertion_count);
                self.entries.fill(number, place, &summed, older, link);
                size += self.entries.size(number) + SUM_OVERHEAD;
            } else {
                self.entries.fill(number, place, entry, older, link);
            }
            self.newest.set(entry.hash, number, older);
        }
        let filled = self.entries.number_of(last);
        self.filled.fetch_max(filled, Ordering::AcqRel);
        self.size.fetch_add(size, Ordering::Relaxed);
        if dead_size > 0 {
            self.dead_size.fetch_add(dead_size, Ordering::Relaxed);
        }
        self.inject_max_lsn(last);
        self.order.keep_up(&self.entries, filled);
    }

    /// How a new version of `key` follows the newest that there is.
    #[inline]
    fn link(&self, key: &[u8], older: EntryId) -> Link {
        let is_covered =
            !self.ranges.is_empty() && self.ranges.covering(&self.entries, key, EntryId::MAX) > older;
        if is_covered { Link::Begins } else { Link::GoesOn }
    }

    /// The newest version of `key`, whose hash is given, that is not above `at`, tombstones included; a range tombstone may
    /// be newer.
    ///
    /// Cost: one look at a table when there is none.
    #[inline]
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        hash: KeyHash,
        at: SeqNo,
        found: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<R> {
        // The table of one that follows a full one is large, and a look at it a miss.
        if self.is_empty() {
            return None;
        }
        let newest = self.newest.find(hash, |number| self.entries.key(number) == key);
        let version = self.entries.version(newest, self.entries.number_at(at));
        (version > 0).then(|| found(self.entries.entry(version)))
    }

    /// Calls for the memory that a look-up of the key with this hash begins with, and does not wait for it.
    #[inline]
    pub(crate) fn prefetch(&self, hash: KeyHash) -> u64 {
        self.newest.prefetch(hash)
    }

    /// Whether an entry of a key in `range` is above `since`; `None` when there is so much to look at that a cursor is better.
    pub(crate) fn is_changed_within(&self, range: &KeyRange, since: SeqNo) -> Option<bool> {
        let (since, filled) = (self.entries.number_at(since), self.filled());
        if filled.saturating_sub(since) > FEW {
            return None;
        }
        let numbers = since.saturating_add(1)..=filled;
        let is_within = |key: &[u8]| *range.start <= *key && range.ends_after(key);
        Some(self.entries.of_one_key(numbers).any(|number| is_within(self.entries.key(number))))
    }

    /// The entries above `since`, range tombstones too, in the order of their numbers.
    pub(crate) fn entries_since(&self, since: SeqNo) -> impl Iterator<Item = Entry<'_>> {
        let numbers = self.entries.number_at(since).saturating_add(1)..=self.filled();
        self.entries.filled(numbers).map(|number| self.entries.entry(number))
    }

    /// The sequence number above which its entries are.
    pub(crate) fn base(&self) -> SeqNo {
        self.entries.base()
    }

    /// The newest range tombstone over `key` that is not above `at`.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        if self.ranges.is_empty() {
            return None;
        }
        let newest = self.ranges.covering(&self.entries, key, self.entries.number_at(at));
        (newest > 0).then(|| self.entries.entry(newest).seqno)
    }

    /// The newest range tombstone over any key of `range`, if it is above `since`.
    pub(crate) fn newest_range_tombstone(&self, range: &KeyRange, since: SeqNo) -> Option<SeqNo> {
        if self.ranges.is_empty() { None } else { self.ranges.newest_within(&self.entries, range, since) }
    }

    /// Whether it has range tombstones.
    pub(crate) fn has_range_tombstones(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// For each part of history the range tombstones that are the newest in it over some key; `stripe_id` tells the part of a number, and
    /// does not fall when that rises.
    ///
    /// Cost: all of them are gone through.
    pub(crate) fn range_tombstones<P: PartialEq>(
        &self,
        stripe_id: impl Fn(SeqNo) -> P,
    ) -> Vec<impl Iterator<Item = Fragment>> {
        self.ranges.by_part(&self.entries, |number| stripe_id(self.base().plus(number.into())))
    }

    /// Memory taken, in bytes, as an estimate.
    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed) + self.ranges.size()
    }

    /// The part of it that versions take which have a newer one here.
    pub(crate) fn dead_size(&self) -> usize {
        self.dead_size.load(Ordering::Relaxed)
    }

    /// Whether it should take no more, when `limit` is the memory that it may take. Range tombstones are few in one memtable
    /// whatever the limit is, or the block of them in its SST would grow out of bounds.
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

    /// Says that history has reached `seqno`, whether or not an entry of it stands here: recovery tells a new
    /// memtable so where the log ended.
    pub(crate) fn inject_max_lsn(&self, seqno: SeqNo) {
        self.max_lsn.fetch_max(seqno.0, Ordering::AcqRel);
    }

    /// The highest number that was inserted; 0 when none was.
    fn filled(&self) -> EntryId {
        self.filled.load(Ordering::Acquire)
    }

    /// All keys that there are, in strands but for what is in the list of the order.
    #[cfg(test)]
    fn sorted(&self) -> crate::sync::Arc<sorted_runs::Sorted> {
        self.order.sorted(&self.entries, self.filled())
    }
}

impl RangeTombstones for Memtable {
    fn span_at(&self, key: &[u8], at: SeqNo) -> CoveredSpan {
        self.ranges.span_at(&self.entries, key, self.entries.number_at(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::KeyRange;
    use crate::cursor::Direction;
    use crate::cursor::tests::{Listed, Owned, drain};
    use crate::sync::Arc;

    fn filled(entries: &[Owned]) -> Arc<Memtable> {
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        // Insertions of one entry, two, three, and so on.
        let mut rest = entries;
        for size in 1.. {
            let (these, others) = rest.split_at(size.min(rest.len()));
            let Some((_, first, _)) = these.first() else { break };
            memtable.insert(insertion(these), SeqNo(*first));
            rest = others;
        }
        memtable
    }

    fn insertion(entries: &[Owned]) -> SealedBatch {
        let (mut bytes, mut placed) = (Vec::new(), Vec::new());
        for (key, _, value) in entries {
            bytes.push(0xee);
            let kind = if value.is_some() { Kind::Put } else { Kind::Delete };
            let value = value.as_deref().unwrap_or_default();
            placed.push(BatchSpan {
                kind,
                key_offset: bytes.len(),
                key_size: key.len(),
                value_size: value.len(),
            });
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        SealedBatch::new(bytes, placed.into_iter())
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

    /// A history of so many entries over so many keys.
    fn long_history(count: u64, keys: u64) -> Vec<Owned> {
        let mut random = 1u64;
        let entries = (1..=count).map(|seqno| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Keys that share more than a slot holds of them, and some that are shorter.
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
            for (place, these) in entries.chunks(7).enumerate() {
                memtable.insert(insertion(these), SeqNo(these[0].1));
                if place % 1000 == 0 {
                    assert!(memtable.sorted().strands.len() < 18, "a logarithm of what is sorted by now");
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
                    memtable.insert(insertion(these), SeqNo(these[0].1));
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
            assert_eq!(memtable.is_changed_within(&range, SeqNo(since)), Some(changed), "since {since}");
        }
        let memtable = filled(&long_history(2000, 9));
        assert_eq!(memtable.is_changed_within(&range, SeqNo(0)), None, "too many to look at");
        assert_eq!(memtable.is_changed_within(&range, SeqNo(1900)), Some(false));
    }

    #[test]
    fn the_highest_number_is_that_of_the_log_even_without_entries() {
        let memtable = Memtable::new(SeqNo(4));
        assert_eq!(memtable.max_lsn(), SeqNo(4));
        memtable.inject_max_lsn(SeqNo(9));
        memtable.inject_max_lsn(SeqNo(7));
        assert_eq!(memtable.max_lsn(), SeqNo(9));
        assert!(memtable.is_empty());
        memtable.insert(insertion(&[(b"k".to_vec(), 12, Some(b"v".to_vec()))]), SeqNo(12));
        assert_eq!(memtable.max_lsn(), SeqNo(12));
        assert!(!memtable.is_empty() && memtable.size() > 2);
    }
}
