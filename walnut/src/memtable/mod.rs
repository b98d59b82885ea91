//! The newest entries, sorted in memory until they are flushed.
//!
//! A memtable is active while commits go into it, then frozen: nobody writes to it again, and a flush writes it out
//! exactly as it stands, every version. Entries are never removed, so readers need no lock. Entries become readable
//! the moment they are inserted; it is the reader's sequence number that hides those of a commit that is not
//! finished.
//!
//! Entries of one key and range tombstones are kept apart: a get looks into the list of the ones, and asks the others
//! only when there are any.
//!
//! It does not know what a commit or a file is.

mod cursor;
mod entry;
mod ranges;

pub(crate) use cursor::MemtableCursor;

use crossbeam_skiplist::SkipMap;

use crate::base::{Entry, Fragments, SeqNo};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering};
use entry::{Probe, Stored};
use ranges::Ranges;

/// Bytes that an entry takes besides its key and value: the node of the list, pointers and lengths.
const ENTRY_OVERHEAD: usize = 96;

/// The memory of range tombstones at which a memtable is full.
const MAX_RANGES_SIZE: usize = 16 << 20;

/// A sorted set of entries that grows.
#[derive(Debug)]
pub(crate) struct Memtable {
    entries: SkipMap<Stored, Box<[u8]>>,
    ranges: Ranges,
    size: AtomicUsize,
    max_lsn: AtomicU64,
}

impl Memtable {
    /// An empty one, whose entries will all be newer than `max_lsn`.
    pub(crate) fn new(max_lsn: SeqNo) -> Self {
        let memtable = Self {
            entries: SkipMap::new(),
            ranges: Ranges::default(),
            size: AtomicUsize::new(0),
            max_lsn: AtomicU64::new(0),
        };
        memtable.inject_max_lsn(max_lsn);
        memtable
    }

    /// Adds an entry, or a range tombstone. The caller never gives one sequence number twice.
    pub(crate) fn insert(&self, entry: Entry<'_>) {
        if entry.kind.is_of_one_key() {
            self.entries.insert(Stored::new(&entry), entry.value.into());
            self.size.fetch_add(entry.key.len() + entry.value.len() + ENTRY_OVERHEAD, Ordering::Relaxed);
        } else {
            self.ranges.insert(entry.key, entry.value, entry.seqno);
        }
        self.inject_max_lsn(entry.seqno);
    }

    /// The newest version of `key` that is not above `at`, tombstones included; a range tombstone may be newer.
    pub(crate) fn get<R>(&self, key: &[u8], at: SeqNo, found: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let probe: &dyn Probe = &(key, at);
        let entry = self.entries.lower_bound(std::ops::Bound::Included(probe))?;
        (entry.key().key() == key).then(|| found(entry.key().entry(entry.value())))
    }

    /// The newest range tombstone over `key` that is not above `at`.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        self.ranges.covering(key, at)
    }

    /// The range tombstones of now, in a few lists.
    pub(crate) fn range_tombstones(&self) -> Vec<Arc<Fragments>> {
        self.ranges.lists()
    }

    /// Memory taken, in bytes, as an estimate.
    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed) + self.ranges.size()
    }

    /// Whether it should take no more, when `limit` is the memory that it may take. Range tombstones are few in one memtable
    /// whatever the limit is, or the block of them in its SST would grow out of bounds.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.size() >= limit || self.ranges.size() >= MAX_RANGES_SIZE
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ranges.is_empty()
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{KeyRange, Kind};
    use crate::cursor::Direction;
    use crate::cursor::tests::{Listed, Owned, drain};
    use crate::sync::Arc;

    fn filled(entries: &[Owned]) -> Arc<Memtable> {
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        for (key, seqno, value) in entries {
            memtable.insert(Entry {
                key,
                seqno: SeqNo(*seqno),
                kind: if value.is_some() { Kind::Put } else { Kind::Delete },
                value: value.as_deref().unwrap_or_default(),
            });
        }
        memtable
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
            let found = filled(&entries).get(&key, SeqNo(at), |entry| {
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
                let cursor = MemtableCursor::new(filled(&entries), range.clone(), direction);
                let expected = drain(Listed::new(inside.clone(), direction)).expect("no errors here");
                prop_assert_eq!(drain(cursor).expect("no errors here"), expected);
            }
        }
    }

    #[test]
    fn the_highest_number_is_that_of_the_log_even_without_entries() {
        let memtable = Memtable::new(SeqNo(4));
        assert_eq!(memtable.max_lsn(), SeqNo(4));
        memtable.inject_max_lsn(SeqNo(9));
        memtable.inject_max_lsn(SeqNo(7));
        assert_eq!(memtable.max_lsn(), SeqNo(9));
        memtable.insert(Entry { key: b"k", seqno: SeqNo(12), kind: Kind::Put, value: b"v" });
        assert_eq!(memtable.max_lsn(), SeqNo(12));
        assert!(!memtable.is_empty() && memtable.size() > 2);
    }
}
