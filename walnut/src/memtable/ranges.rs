//! The range tombstones of a memtable: immutable lists, each of which tells the newest one over a key.
//!
//! ```text
//!   number 4    [c ──────────── x)
//!   number 9          [f ── m)              a list of both:   c: 4   f: 9   m: 4   x: none
//!
//!   lists    1..=8 (1..=4 (..), 5..=8 (..))   9..=10 (9, 10)   11       newest last; a longer one keeps those it is made of
//! ```
//!
//! 1. A list knows of each key the newest of its range tombstones only: an edge says from which key on it is which one. So it has two
//!    edges for each of them at most, and n that cover each other have two in all. Who reads at a number within a list asks
//!    the lists that it is made of.
//! 2. A new range tombstone is a list of its own, and two lists of like length become one, as the digits of a number carry: each takes
//!    part in a logarithm of merges, there are a logarithm of lists, and readers need no lock.
//! 3. An edge names the entry that its key is of, and copies no key.
//!
//! A memtable without range tombstones answers with one load.

use arc_swap::ArcSwap;

use super::entries::{EntryId, EntryTable};
use crate::base::{CoveredSpan, Fragment, KeyRange, SeqNo};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};

/// Range tombstones that grow in number.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Whether there is one. It is set after the lists are there, and before the number of the commit is shown to readers.
    any: AtomicBool,
    /// Oldest first.
    lists: ArcSwap<Vec<Arc<FragmentList>>>,
    size: AtomicUsize,
}

/// The range tombstones with these numbers: all of them that the memtable has.
#[derive(Debug)]
struct FragmentList {
    first: EntryId,
    last: EntryId,
    count: usize,
    /// In the order of their keys.
    edges: Box<[FragmentEdge]>,
    /// The older and the newer one that it is made of.
    parts: Option<[Arc<FragmentList>; 2]>,
    /// Memory taken, theirs included.
    size: usize,
}

/// Where the newest range tombstone becomes another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FragmentEdge {
    /// The range tombstone that begins, or ends, at this key.
    of: EntryId,
    is_end: bool,
    /// The newest from this key on; 0 when there is none.
    newest: EntryId,
}

/// A stretch of keys, where it is known to end.
#[derive(Clone, Copy, Default)]
struct Bounds<'r> {
    start: Option<&'r [u8]>,
    end: Option<&'r [u8]>,
}

impl FragmentEdge {
    fn key(self, rows: &EntryTable) -> &[u8] {
        let entry = rows.entry(self.of);
        if self.is_end { entry.value } else { entry.key }
    }
}

impl Ranges {
    /// Adds the range tombstone with this number, which is not empty and newer than all that are there.
    pub(super) fn insert(&self, rows: &EntryTable, number: EntryId) {
        self.lists.rcu(|lists| {
            let mut lists = Vec::clone(lists);
            let mut new = Arc::new(FragmentList::one(number));
            while let Some(last) = lists.pop_if(|last| last.count <= new.count) {
                new = Arc::new(FragmentList::of([last, new], rows));
            }
            lists.push(new);
            lists
        });
        let size = self.lists.load().iter().map(|list| list.size).sum();
        self.size.store(size, Ordering::Relaxed);
        self.any.store(true, Ordering::Release);
    }

    /// The newest over `key` that is not above `at`; 0 when there is none.
    #[inline]
    pub(super) fn covering(&self, rows: &EntryTable, key: &[u8], at: EntryId) -> EntryId {
        if self.is_empty() {
            return 0;
        }
        self.bounded(rows, key, at, &mut Bounds::default())
    }

    /// The stretch around `key` over which the newest that is not above `at` is the same one.
    pub(super) fn span_at(&self, rows: &EntryTable, key: &[u8], at: EntryId) -> CoveredSpan {
        let mut bounds = Bounds::default();
        let newest = self.bounded(rows, key, at, &mut bounds);
        let newest = (newest > 0).then(|| rows.entry(newest).seqno);
        let start = bounds.start.map(<[u8]>::to_vec).unwrap_or_default();
        CoveredSpan { start, end: bounds.end.map(<[u8]>::to_vec), newest }
    }

    fn bounded<'r>(&self, rows: &'r EntryTable, key: &[u8], at: EntryId, bounds: &mut Bounds<'r>) -> EntryId {
        let lists = self.lists.load();
        let newest = lists.iter().rev().map(|list| list.newest(rows, key, at, bounds));
        newest.into_iter().find(|newest| *newest > 0).unwrap_or(0)
    }

    /// The newest over any key of `range`, if it is above `since`.
    pub(super) fn newest_within(&self, rows: &EntryTable, range: &KeyRange, since: SeqNo) -> Option<SeqNo> {
        let lists = self.lists.load();
        let young = lists.iter().filter(|list| rows.entry(list.last).seqno > since);
        let newest = young.filter_map(|list| list.newest_within(rows, range)).max()?;
        Some(rows.entry(newest).seqno).filter(|seqno| *seqno > since)
    }

    /// For each part of history the fragments of the newest in it; `stripe_id` tells the part of a number, and does not fall when that rises.
    ///
    /// Cost: all of them are gone through.
    pub(super) fn by_part<'m, P: PartialEq>(
        &self,
        rows: &'m EntryTable,
        stripe_id: impl Fn(EntryId) -> P,
    ) -> Vec<Between<'m>> {
        let mut parts = Vec::new();
        for list in &**self.lists.load() {
            list.divide(rows, &stripe_id, &mut parts);
        }
        parts.into_iter().map(|(_, edges)| Between { rows, edges: edges.into_iter() }).collect()
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

impl FragmentList {
    fn one(number: EntryId) -> Self {
        let edges = [(false, number), (true, 0)];
        let edges = edges.map(|(is_end, newest)| FragmentEdge { of: number, is_end, newest });
        let size = size_of::<Self>() + size_of_val(&edges);
        Self { first: number, last: number, count: 1, edges: Box::new(edges), parts: None, size }
    }

    fn of([older, newer]: [Arc<Self>; 2], rows: &EntryTable) -> Self {
        let edges: Box<[FragmentEdge]> = overlay(&older.edges, &newer.edges, rows).into();
        Self {
            first: older.first,
            last: newer.last,
            count: older.count + newer.count,
            size: size_of::<Self>() + size_of_val(&*edges) + older.size + newer.size,
            edges,
            parts: Some([older, newer]),
        }
    }

    /// The newest over `key` that is not above `at`, or 0; `bounds` becomes no wider than the stretch over which that is so.
    fn newest<'r>(&self, rows: &'r EntryTable, key: &[u8], at: EntryId, bounds: &mut Bounds<'r>) -> EntryId {
        match &self.parts {
            _ if at < self.first => 0,
            Some([older, newer]) if at < self.last => match newer.newest(rows, key, at, bounds) {
                0 => older.newest(rows, key, at, bounds),
                newest => newest,
            },
            _ => {
                let behind = self.edges.partition_point(|edge| edge.key(rows) <= key);
                let before = behind.checked_sub(1).map(|place| self.edges[place]);
                let start = before.map(|edge| edge.key(rows));
                bounds.start = bounds.start.max(start);
                let end = self.edges.get(behind).map(|edge| edge.key(rows));
                bounds.end = bounds.end.into_iter().chain(end).min();
                before.map_or(0, |edge| edge.newest)
            }
        }
    }

    fn newest_within(&self, rows: &EntryTable, range: &KeyRange) -> Option<EntryId> {
        let behind = self.edges.partition_point(|edge| *edge.key(rows) <= *range.start);
        let over_start = behind.checked_sub(1).map(|place| self.edges[place].newest);
        let within = self.edges[behind..].iter().take_while(|edge| range.ends_after(edge.key(rows)));
        let newest = over_start.into_iter().chain(within.map(|edge| edge.newest)).max();
        newest.filter(|newest| *newest > 0 && !range.is_empty())
    }

    /// Adds the edges of each part of history, which are next to those that were added last; `stripe_id` tells the part of a number.
    fn divide<P: PartialEq>(
        &self,
        rows: &EntryTable,
        stripe_id: &impl Fn(EntryId) -> P,
        done: &mut Vec<(P, Vec<FragmentEdge>)>,
    ) {
        let part = stripe_id(self.first);
        match &self.parts {
            Some(lists) if part != stripe_id(self.last) => {
                for list in lists {
                    list.divide(rows, stripe_id, done);
                }
            }
            _ => match done.last_mut() {
                Some((last, edges)) if *last == part => *edges = overlay(edges, &self.edges, rows),
                _ => done.push((part, self.edges.to_vec())),
            },
        }
    }
}

/// The fragments between edges.
pub(super) struct Between<'m> {
    rows: &'m EntryTable,
    edges: std::vec::IntoIter<FragmentEdge>,
}

impl Iterator for Between<'_> {
    type Item = Fragment;

    fn next(&mut self) -> Option<Fragment> {
        let edge = self.edges.find(|edge| edge.newest > 0)?;
        let end = self.edges.as_slice().first().expect("the last edge ends what is before it");
        let (start, end) = (edge.key(self.rows).to_vec(), end.key(self.rows).to_vec());
        Some(Fragment { start, end, seqnos: vec![self.rows.entry(edge.newest).seqno] })
    }
}

/// The edges of newer range tombstones laid over those of older ones.
fn overlay(older: &[FragmentEdge], newer: &[FragmentEdge], rows: &EntryTable) -> Vec<FragmentEdge> {
    let mut edges: Vec<FragmentEdge> = Vec::with_capacity(older.len() + newer.len());
    let (mut older, mut newer) = (older.iter().peekable(), newer.iter().peekable());
    // What the last edge of each says.
    let (mut below, mut above) = (0, 0);
    loop {
        let takes_older = match (older.peek(), newer.peek()) {
            (None, None) => break,
            (next, None) => next.is_some(),
            (None, _) => false,
            (Some(old), Some(new)) => old.key(rows) < new.key(rows),
        };
        let next = if takes_older { older.next() } else { newer.next() };
        let Some(edge) = next else { break };
        if takes_older {
            below = edge.newest;
        } else {
            above = edge.newest;
            while let Some(same) = older.next_if(|old| old.key(rows) == edge.key(rows)) {
                below = same.newest;
            }
        }
        let newest = if above > 0 { above } else { below };
        if edges.last().map_or(0, |last| last.newest) != newest {
            edges.push(FragmentEdge { newest, ..*edge });
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sealed_batch::SealedBatch;
    use super::super::{BatchSpan, Memtable};
    use super::*;
    use crate::base::{FragmentMerge, Fragments, Kind, RangeTombstones};
    use crate::mvcc::Garbage;

    /// A memtable in which each of these ranges was removed, in this order.
    fn cut(ranges: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Memtable {
        let memtable = Memtable::new(SeqNo::ZERO);
        for (seqno, (start, end)) in (1..).zip(ranges) {
            let placed = BatchSpan {
                kind: Kind::RangeDelete,
                key_offset: 0,
                key_size: start.len(),
                value_size: end.len(),
            };
            let bytes = [start, end].concat();
            memtable.insert(SealedBatch::new(bytes, [placed].into_iter()), SeqNo(seqno));
        }
        memtable
    }

    /// What a flush writes when somebody reads at these numbers.
    fn flushed(memtable: &Memtable, boundaries: &[SeqNo]) -> Vec<Fragment> {
        let garbage = Garbage::new(boundaries.to_vec());
        let ranges = memtable.range_tombstones(|seqno| garbage.stripe_id(seqno));
        let mut merge = FragmentMerge::new(ranges, |_| {}).expect("no file");
        std::iter::from_fn(|| merge.next().expect("no file")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn each_reader_finds_the_newest_that_it_sees_and_the_stretch_around_it(
            ranges in prop::collection::vec((0u8..20, 1u8..12), 0..40),
            at in 0u64..45,
            boundaries in prop::collection::btree_set(0u64..45, 0..6),
        ) {
            let memtable = cut(ranges.iter().map(|&(start, size)| (vec![start], vec![start + size])));
            let newest = |key: u8, at: u64| {
                let over = |(seqno, (start, size)): &(u64, &(u8, u8))| {
                    *seqno <= at && (*start..start + size).contains(&key)
                };
                (1..).zip(&ranges).filter(over).map(|(seqno, _)| SeqNo(seqno)).max()
            };
            for key in 0..35 {
                prop_assert_eq!(memtable.covering(&[key], SeqNo(at)), newest(key, at));
                let stretch = memtable.span_at(&[key], SeqNo(at));
                prop_assert!(stretch.contains(&[key]));
                for other in (0..35).filter(|other| stretch.contains(&[*other])) {
                    prop_assert_eq!(stretch.newest, newest(other, at), "{} beside {}", other, key);
                }
                for end in key..35 {
                    let range = KeyRange { start: vec![key], end: Some(vec![end]) };
                    let all = (key..end).filter_map(|key| newest(key, u64::MAX)).max();
                    prop_assert_eq!(
                        memtable.newest_range_tombstone(&range, SeqNo(at)),
                        all.filter(|seqno| seqno.0 > at)
                    );
                }
            }
            let boundaries: Vec<SeqNo> = boundaries.into_iter().map(SeqNo).collect();
            let fragments = Fragments::from_list(flushed(&memtable, &boundaries)).expect("the rules of fragments");
            let last = boundaries.last().map_or(0, |last| last.0);
            for key in 0..35 {
                for at in boundaries.iter().map(|at| at.0).chain(last..45) {
                    prop_assert_eq!(fragments.covering(&[key], SeqNo(at)), newest(key, at));
                }
            }
            for fragment in fragments.iter() {
                let settled = fragment.seqnos.iter().filter(|seqno| seqno.0 <= last).count();
                prop_assert!(settled <= boundaries.len());
            }
        }
    }

    #[test]
    fn ranges_that_cover_each_other_are_few_fragments_whatever_their_number() {
        let key = |n: u32| n.to_be_bytes().to_vec();
        let rising = cut((1..5000).map(|n| (key(0), key(n))));
        assert_eq!(flushed(&rising, &[SeqNo(5000)]).len(), 1);
        let pins: Vec<SeqNo> = (1..=5).map(|n| SeqNo(n * 1000)).collect();
        let pinned = flushed(&rising, &pins);
        assert!(pinned.len() == 5 && pinned.iter().all(|fragment| fragment.seqnos.len() <= 5), "{pinned:?}");
        // 32 bytes for what takes part in a list of its own, and nothing for what is covered.
        assert!(rising.ranges.size() < 5000 * 300, "{}", rising.ranges.size());
        let falling = cut((1..5000).map(|n| (key(0), key(5000 - n))));
        let fragments = flushed(&falling, &[SeqNo(5000)]);
        assert_eq!(fragments.len(), 4999);
        assert!(fragments.iter().all(|fragment| fragment.seqnos.len() == 1));
    }

    #[test]
    fn many_range_tombstones_stay_few_lists() {
        let ranges =
            cut((0..1000u32).map(|n| (n.to_be_bytes().to_vec(), (n + 3).to_be_bytes().to_vec()))).ranges;
        assert!(ranges.lists.load().len() <= 10, "{}", ranges.lists.load().len());
        assert!(ranges.size() > 1000 * 8 && !ranges.is_empty());
    }
}
