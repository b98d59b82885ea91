//! The range tombstones of a memtable: immutable lists of fragments, merged like the digits of a
//! binary counter.
//!
//! ```text
//!   id 4    [c ──────────── x)
//!   id 9          [f ── m)              a list of both:   c: 4   f: 9   m: 4   x: none
//!
//!   lists   1..=8 (1..=4 (..), 5..=8 (..))   9..=10 (9, 10)   11       newest last; a list keeps
//!                                                                      the parts it is merged from
//! ```
//!
//! 1. A list has only the newest of its range tombstones for each key: an edge is a key from which
//!    on another one is the newest. So it has at most two edges per range tombstone, and n that
//!    cover each other have two in all. A reader at an id within a list searches the list's parts.
//! 2. A new range tombstone is a list of its own, and two lists of similar length are merged
//!    (Bentley and Saxe's logarithmic method): each takes part in a logarithm of merges, there are
//!    a logarithm of lists, and readers need no lock.
//! 3. An edge refers to the entry that has its key, and copies no key.
//!
//! In a memtable without range tombstones a lookup is one atomic load.

use arc_swap::ArcSwap;

use super::entries::{EntryId, EntryTable};
use crate::base::{CoveredSpan, Fragment, KeyRange, SeqNo};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Whether there is one. Set after the lists, and before the commit becomes visible.
    any: AtomicBool,
    /// Oldest first.
    lists: ArcSwap<Vec<Arc<FragmentList>>>,
    size: AtomicUsize,
}

/// All range tombstones of the memtable with ids from `first` to `last`.
#[derive(Debug)]
struct FragmentList {
    first: EntryId,
    last: EntryId,
    count: usize,
    /// In key order.
    edges: Box<[FragmentEdge]>,
    /// The older and the newer list that it was merged from.
    parts: Option<[Arc<FragmentList>; 2]>,
    /// Memory taken, that of the parts included.
    size: usize,
}

/// A key from which on another range tombstone is the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FragmentEdge {
    /// The range tombstone that starts, or ends, at this key.
    of: EntryId,
    is_end: bool,
    /// The newest from this key on; 0 when there is none.
    newest: EntryId,
}

/// A span of keys, as far as its ends are known.
#[derive(Clone, Copy, Default)]
struct Bounds<'r> {
    start: Option<&'r [u8]>,
    end: Option<&'r [u8]>,
}

impl FragmentEdge {
    fn key(self, entries: &EntryTable) -> &[u8] {
        let entry = entries.entry(self.of);
        if self.is_end { entry.value } else { entry.key }
    }
}

impl Ranges {
    /// Adds the range tombstone with this id, which must not be empty and must be newer than all
    /// others.
    pub(super) fn insert(&self, entries: &EntryTable, id: EntryId) {
        self.lists.rcu(|lists| {
            let mut lists = Vec::clone(lists);
            let mut new = Arc::new(FragmentList::one(id));
            while let Some(last) = lists.pop_if(|last| last.count <= new.count) {
                new = Arc::new(FragmentList::of([last, new], entries));
            }
            lists.push(new);
            lists
        });
        let size = self.lists.load().iter().map(|list| list.size).sum();
        self.size.store(size, Ordering::Relaxed);
        self.any.store(true, Ordering::Release);
    }

    /// The newest over `key` at or below `at`; 0 when there is none.
    #[inline]
    pub(super) fn covering(&self, entries: &EntryTable, key: &[u8], at: EntryId) -> EntryId {
        if self.is_empty() {
            return 0;
        }
        self.bounded(entries, key, at, &mut Bounds::default())
    }

    /// The span around `key` with the same newest range tombstone at or below `at`.
    pub(super) fn span_at(&self, entries: &EntryTable, key: &[u8], at: EntryId) -> CoveredSpan {
        let mut bounds = Bounds::default();
        let newest = self.bounded(entries, key, at, &mut bounds);
        let newest = (newest > 0).then(|| entries.entry(newest).seqno);
        let start = bounds.start.map(<[u8]>::to_vec).unwrap_or_default();
        CoveredSpan { start, end: bounds.end.map(<[u8]>::to_vec), newest }
    }

    fn bounded<'r>(
        &self,
        entries: &'r EntryTable,
        key: &[u8],
        at: EntryId,
        bounds: &mut Bounds<'r>,
    ) -> EntryId {
        let lists = self.lists.load();
        let newest = lists.iter().rev().map(|list| list.newest(entries, key, at, bounds));
        newest.into_iter().find(|newest| *newest > 0).unwrap_or(0)
    }

    /// The newest over any key of `range`, if it is above `since`.
    pub(super) fn newest_within(
        &self,
        entries: &EntryTable,
        range: &KeyRange,
        since: SeqNo,
    ) -> Option<SeqNo> {
        let lists = self.lists.load();
        let young = lists.iter().filter(|list| entries.entry(list.last).seqno > since);
        let newest = young.filter_map(|list| list.newest_within(entries, range)).max()?;
        Some(entries.entry(newest).seqno).filter(|seqno| *seqno > since)
    }

    /// For each stripe the fragments of the newest range tombstones in it. `stripe_id` is monotonic
    /// in the id.
    ///
    /// Cost: linear in the number of range tombstones.
    pub(super) fn by_stripe<'m, P: PartialEq>(
        &self,
        entries: &'m EntryTable,
        stripe_id: impl Fn(EntryId) -> P,
    ) -> Vec<Between<'m>> {
        let mut parts = Vec::new();
        for list in &**self.lists.load() {
            list.append_by_stripe(entries, &stripe_id, &mut parts);
        }
        parts.into_iter().map(|(_, edges)| Between { entries, edges: edges.into_iter() }).collect()
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
    fn one(id: EntryId) -> Self {
        let edges = [(false, id), (true, 0)];
        let edges = edges.map(|(is_end, newest)| FragmentEdge { of: id, is_end, newest });
        let size = size_of::<Self>() + size_of_val(&edges);
        Self { first: id, last: id, count: 1, edges: Box::new(edges), parts: None, size }
    }

    fn of([older, newer]: [Arc<Self>; 2], entries: &EntryTable) -> Self {
        let edges: Box<[FragmentEdge]> = overlay(&older.edges, &newer.edges, entries).into();
        Self {
            first: older.first,
            last: newer.last,
            count: older.count + newer.count,
            size: size_of::<Self>() + size_of_val(&*edges) + older.size + newer.size,
            edges,
            parts: Some([older, newer]),
        }
    }

    /// The newest over `key` at or below `at`, or 0. Narrows `bounds` to a span with that result.
    fn newest<'r>(
        &self,
        entries: &'r EntryTable,
        key: &[u8],
        at: EntryId,
        bounds: &mut Bounds<'r>,
    ) -> EntryId {
        match &self.parts {
            _ if at < self.first => 0,
            Some([older, newer]) if at < self.last => match newer.newest(entries, key, at, bounds) {
                0 => older.newest(entries, key, at, bounds),
                newest => newest,
            },
            _ => {
                let behind = self.edges.partition_point(|edge| edge.key(entries) <= key);
                let before = behind.checked_sub(1).map(|index| self.edges[index]);
                let start = before.map(|edge| edge.key(entries));
                bounds.start = bounds.start.max(start);
                let end = self.edges.get(behind).map(|edge| edge.key(entries));
                bounds.end = bounds.end.into_iter().chain(end).min();
                before.map_or(0, |edge| edge.newest)
            }
        }
    }

    fn newest_within(&self, entries: &EntryTable, range: &KeyRange) -> Option<EntryId> {
        let behind = self.edges.partition_point(|edge| *edge.key(entries) <= *range.start);
        let over_start = behind.checked_sub(1).map(|index| self.edges[index].newest);
        let within = self.edges[behind..].iter().take_while(|edge| range.ends_after(edge.key(entries)));
        let newest = over_start.into_iter().chain(within.map(|edge| edge.newest)).max();
        newest.filter(|newest| *newest > 0 && !range.is_empty())
    }

    /// Appends the edges of each stripe to `done`, or merges them with the last ones there when
    /// these are of the same stripe.
    fn append_by_stripe<P: PartialEq>(
        &self,
        entries: &EntryTable,
        stripe_id: &impl Fn(EntryId) -> P,
        done: &mut Vec<(P, Vec<FragmentEdge>)>,
    ) {
        let stripe = stripe_id(self.first);
        match &self.parts {
            Some(lists) if stripe != stripe_id(self.last) => {
                for list in lists {
                    list.append_by_stripe(entries, stripe_id, done);
                }
            }
            _ => match done.last_mut() {
                Some((last, edges)) if *last == stripe => *edges = overlay(edges, &self.edges, entries),
                _ => done.push((stripe, self.edges.to_vec())),
            },
        }
    }
}

/// The fragments between edges.
pub(super) struct Between<'m> {
    entries: &'m EntryTable,
    edges: std::vec::IntoIter<FragmentEdge>,
}

impl Iterator for Between<'_> {
    type Item = Fragment;

    fn next(&mut self) -> Option<Fragment> {
        let edge = self.edges.find(|edge| edge.newest > 0)?;
        let end = self.edges.as_slice().first().expect("the last edge ends what is before it");
        let (start, end) = (edge.key(self.entries).to_vec(), end.key(self.entries).to_vec());
        Some(Fragment { start, end, seqnos: vec![self.entries.entry(edge.newest).seqno] })
    }
}

/// Overlays the edges of older range tombstones with those of newer ones.
fn overlay(older: &[FragmentEdge], newer: &[FragmentEdge], entries: &EntryTable) -> Vec<FragmentEdge> {
    let mut edges: Vec<FragmentEdge> = Vec::with_capacity(older.len() + newer.len());
    let (mut older, mut newer) = (older.iter().peekable(), newer.iter().peekable());
    // The newest range tombstone of each after its last edge.
    let (mut below, mut above) = (0, 0);
    loop {
        let takes_older = match (older.peek(), newer.peek()) {
            (None, None) => break,
            (next, None) => next.is_some(),
            (None, _) => false,
            (Some(old), Some(new)) => old.key(entries) < new.key(entries),
        };
        let next = if takes_older { older.next() } else { newer.next() };
        let Some(edge) = next else { break };
        if takes_older {
            below = edge.newest;
        } else {
            above = edge.newest;
            while let Some(same) = older.next_if(|old| old.key(entries) == edge.key(entries)) {
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

    use super::super::Memtable;
    use super::*;
    use crate::base::SealedBatch;
    use crate::base::{EncodedEntry, FragmentMerge, Fragments, Kind, RangeTombstones};
    use crate::mvcc::Garbage;

    /// A memtable in which each of these ranges was deleted, in this order.
    fn cut(ranges: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Memtable {
        let memtable = Memtable::new(SeqNo::ZERO);
        for (seqno, (start, end)) in (1..).zip(ranges) {
            let entry = EncodedEntry::new(Kind::RangeDelete, 0, &start, end.len());
            let bytes = [start, end].concat();
            memtable.insert(SealedBatch::new(bytes, vec![entry]), SeqNo(seqno));
        }
        memtable
    }

    /// What a flush writes with snapshots at these sequence numbers.
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
                let span = memtable.span_at(&[key], SeqNo(at));
                prop_assert!(span.contains(&[key]));
                for other in (0..35).filter(|other| span.contains(&[*other])) {
                    prop_assert_eq!(span.newest, newest(other, at), "{} beside {}", other, key);
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
