//! The range tombstones of a memtable: a few immutable lists of fragments, each about twice as long as the next.
//!
//! A new range tombstone is a list of its own, and lists of like length become one, as a flushed file would: so each is put
//! in order again a few times only, however many there are, and readers need no lock. A memtable without range tombstones
//! answers with one load.

use arc_swap::ArcSwap;

use crate::base::{Fragments, SeqNo};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};

/// Range tombstones that grow in number.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Whether there is one. It is set after the lists are there, and before the number of the commit is shown to readers.
    any: AtomicBool,
    lists: ArcSwap<Vec<List>>,
    size: AtomicUsize,
}

#[derive(Clone, Debug)]
struct List {
    fragments: Arc<Fragments>,
    /// How many range tombstones went into it.
    count: usize,
}

impl Ranges {
    /// Adds a range tombstone.
    pub(super) fn insert(&self, start: &[u8], end: &[u8], seqno: SeqNo) {
        self.lists.rcu(|lists| {
            let mut lists = Vec::clone(lists);
            let mut new = List { fragments: Arc::new(Fragments::one(start, end, seqno)), count: 1 };
            while let Some(last) = lists.pop_if(|last| last.count <= new.count) {
                let fragments = Arc::new(Fragments::merged([&*last.fragments, &*new.fragments]));
                new = List { fragments, count: last.count + new.count };
            }
            lists.push(new);
            lists
        });
        let size = self.lists.load().iter().map(|list| list.fragments.memory_size()).sum();
        self.size.store(size, Ordering::Relaxed);
        self.any.store(true, Ordering::Release);
    }

    /// The newest over `key` that is not above `at`.
    #[inline]
    pub(super) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        if self.is_empty() {
            return None;
        }
        self.lists.load().iter().filter_map(|list| list.fragments.covering(key, at)).max()
    }

    /// All lists as they are now.
    pub(super) fn lists(&self) -> Vec<Arc<Fragments>> {
        if self.is_empty() {
            return Vec::new();
        }
        self.lists.load().iter().map(|list| Arc::clone(&list.fragments)).collect()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Memory taken, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_range_tombstones_stay_few_lists_and_each_is_found() {
        let ranges = Ranges::default();
        assert!(ranges.is_empty() && ranges.covering(b"k", SeqNo::MAX).is_none());
        for n in 0..1000u32 {
            ranges.insert(&n.to_be_bytes(), &(n + 3).to_be_bytes(), SeqNo(u64::from(n) + 1));
        }
        assert!(ranges.lists().len() <= 10, "{}", ranges.lists().len());
        for n in 0..1000u32 {
            let newest = ranges.covering(&n.to_be_bytes(), SeqNo::MAX);
            assert_eq!(newest, Some(SeqNo(u64::from(n) + 1)));
            let before = ranges.covering(&n.to_be_bytes(), SeqNo(u64::from(n)));
            assert_eq!(before, (n > 0).then_some(SeqNo(u64::from(n))));
        }
        assert!(ranges.size() > 1000 * 8 && !ranges.is_empty());
    }
}
