//! A cache of dead ranges: key ranges in which a scan has found no live key, so that the next scan
//! seeks over them.
//!
//! ```text
//!   a queue     [ removed ........................ | live ... | removed in the middle | live ]
//!   known       [────────── from 90 ──)[ from 95 ─)            [──── from 70 ────────)
//!                                                 ^ where the next scan at 95 or above starts
//! ```
//!
//! A range is dead *from* a sequence number on when no reader at that number or above sees a live
//! key in it. Tombstones do not change that, nor do flushes and compactions, which change no state;
//! only a put or an add does. So a writer removes its keys from the ranges before they become
//! visible, and the two sides see each other as in Dekker's algorithm:
//!
//! ```text
//!   writer                                     reader at s, which has passed many dead entries
//!   1. inserts the entry into the memtable     1. announces the range
//!   2. fence                                   2. fence
//!   3. removes its key from all known and      3. checks whether it has an entry newer than s
//!      announced ranges                        4. if not, it is known to be dead from s on
//!   4. makes the entry visible
//! ```
//!
//! 1. One of the two fences is first. If it is the writer's, the reader finds the entry and stops
//!    there; if it is the reader's, the writer finds the range, and splits it once the reader is
//!    done with it.
//! 2. A reader takes its sequence number first and consults the ranges afterwards: by then every
//!    key that it may see has been removed from them.
//! 3. Step 3 of the reader relies on every entry above s still having its sequence number. A reader
//!    stops also when a flush or a compaction may have dropped such an entry, or zeroed its
//!    sequence number, since the scan began.
//! 4. A reader below a range's number does not use it: entries that it sees may have been dropped
//!    before the other reader looked.
//! 5. Ranges do not overlap, and those that touch are merged; the merged range is dead from the
//!    higher number on. So that a slightly older snapshot does not find every range too new, two
//!    older *generations* of the ranges are kept, some hundred sequence numbers apart.
//! 6. Count and size are limited. Eviction is by weight (GreedyDual): of the keyspace with the most
//!    ranges, the one that saved the fewest entries goes first, unless it was used since the last
//!    evictions.
//!
//! The cache starts empty and is never on disk. It knows nothing of memtables: step 3 of the reader
//! is a callback.

use std::cmp::Reverse;

use arc_swap::ArcSwap;

use crate::base::{CoveredSpan, KeyPrefix, KeyRange, KeyspaceId, SeqNo, after, key_prefix};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, fence};

const MAX_COUNT: usize = 64;

/// The maximum size of a range's two keys, in bytes; a range with longer ones is not cached.
const MAX_SIZE: usize = 4 << 10;

/// A new generation begins after this many sequence numbers.
const GENERATION: u64 = 1 << 10;

#[derive(Debug, Default)]
pub(crate) struct DeadRanges {
    /// The number of known and announced ranges.
    count: AtomicUsize,
    known: ArcSwap<KnownDead>,
    /// The weight of the last eviction, which new weights start from.
    inflation: AtomicU64,
    /// Held while the known ranges are replaced.
    replacing: Mutex<()>,
}

/// The known ranges. Immutable: a change publishes a new copy.
#[derive(Clone, Debug, Default)]
struct KnownDead {
    /// The newest first.
    generations: [Arc<DeadGeneration>; 3],
    /// The sequence number at which the newest one began.
    begun: SeqNo,
    /// The range that a reader is about to add; no other reader may use it yet.
    announced: Option<KeyRange>,
}

/// Ranges in key order. They do not overlap or touch.
#[derive(Clone, Debug, Default)]
struct DeadGeneration {
    /// The key prefixes of their starts, which decide most comparisons without a cache miss on the
    /// ranges.
    starts: Vec<KeyPrefix>,
    ranges: Vec<Arc<DeadRange>>,
}

#[derive(Debug)]
struct DeadRange {
    keys: KeyRange,
    from: SeqNo,
    /// The number of dead entries in it; an estimate.
    passed: u64,
    /// As of the last use: see [`DeadRanges::inflation`].
    weight: AtomicU64,
}

impl DeadRanges {
    #[inline]
    pub(crate) fn around(&self, key: &[u8], at: SeqNo) -> Option<CoveredSpan> {
        self.find(at, |generation| generation.index_of(key))
    }

    /// The part of `range` behind the dead range that it starts with, for a reader at `at`.
    #[inline]
    pub(crate) fn without_front(&self, mut range: KeyRange, at: SeqNo) -> KeyRange {
        if let Some(dead) = self.around(&range.start, at) {
            // A dead range up to the last key leaves nothing.
            match dead.end {
                Some(end) => range.start = end,
                None => range.end = Some(Vec::new()),
            }
        }
        range
    }

    /// The part of `range` before the dead range that it ends with, for a reader at `at`.
    #[inline]
    pub(crate) fn without_back(&self, mut range: KeyRange, at: SeqNo) -> KeyRange {
        let dead = self.find(at, |generation| generation.index_before(range.end.as_deref()));
        if let Some(dead) = dead {
            range.end = Some(dead.start);
        }
        range
    }

    /// The end of the last range before `first`, and the start of the first range behind `last`.
    pub(crate) fn beside(&self, first: &[u8], last: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let known = self.known.load();
        let ranges = &known.generations[0].ranges;
        let ends_before = |range: &Arc<DeadRange>| range.keys.end.as_ref().is_some_and(|end| **end <= *first);
        let before = ranges.partition_point(ends_before).checked_sub(1);
        let behind = ranges.partition_point(|range| *range.keys.start <= *last);
        let end = before.and_then(|index| ranges[index].keys.end.clone());
        (end, ranges.get(behind).map(|range| range.keys.start.clone()))
    }

    /// The ranges that are dead for a reader at `at`, in key order.
    pub(crate) fn dead_at(&self, at: SeqNo) -> Vec<(KeyRange, SeqNo)> {
        let known = self.known.load();
        let ranges = known.generations.iter().flat_map(|generation| &generation.ranges);
        let dead = ranges.filter(|range| range.from <= at).map(|range| (range.keys.clone(), range.from));
        Self::unite(dead.collect())
    }

    /// Makes one of ranges that overlap or touch, dead from the higher number on, in key order.
    pub(crate) fn unite(mut ranges: Vec<(KeyRange, SeqNo)>) -> Vec<(KeyRange, SeqNo)> {
        ranges.sort_unstable_by(|one, other| one.0.start.cmp(&other.0.start));
        ranges.dedup_by(|(next, next_from), (range, from)| {
            let meets = range.end.as_ref().is_none_or(|end| *end >= next.start);
            if meets {
                range.end = range.end.take().and_then(|end| Some(end.max(next.end.take()?)));
                *from = (*from).max(*next_from);
            }
            meets
        });
        ranges
    }

    #[inline]
    fn find(&self, at: SeqNo, find_index: impl Fn(&DeadGeneration) -> Option<usize>) -> Option<CoveredSpan> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let known = self.known.load();
        let found = known.generations.iter().find_map(|generation| {
            let range = &generation.ranges[find_index(generation)?];
            (range.from <= at).then_some(range)
        })?;
        let weight = self.inflation.load(Ordering::Relaxed).saturating_add(found.passed);
        found.weight.store(weight, Ordering::Relaxed);
        let KeyRange { start, end } = found.keys.clone();
        Some(CoveredSpan { start, end, newest: None })
    }

    /// Adds a range in which a reader at `at` has passed `passed` dead entries and no live key.
    /// `is_unchanged` returns whether no memtable or SST has an entry above `at` in the range,
    /// visible or not; it is called after the range is announced.
    ///
    /// Adds nothing while another reader adds: neither waits.
    pub(crate) fn add(&self, keys: KeyRange, at: SeqNo, passed: u64, is_unchanged: impl FnOnce() -> bool) {
        let size = keys.start.len() + keys.end.as_ref().map_or(0, Vec::len);
        if keys.is_empty() || size > MAX_SIZE {
            return;
        }
        let Some(_replacing) = self.replacing.try_lock() else { return };
        let mut known = KnownDead::clone(&self.known.load());
        known.announced = Some(keys);
        self.publish(known.clone());
        fence(Ordering::SeqCst);
        let announced = known.announced.take();
        if let Some(keys) = announced.filter(|_| is_unchanged()) {
            let weight = self.inflation.load(Ordering::Relaxed).saturating_add(passed);
            let gone = known.add(DeadRange { keys, from: at, passed, weight: AtomicU64::new(weight) });
            self.inflation.fetch_max(gone, Ordering::Relaxed);
        }
        self.publish(known);
    }

    /// Removes the keys of puts and adds from the ranges. The entries are in the memtable and not
    /// yet visible.
    ///
    /// Cost: one atomic load while no range is known.
    #[inline]
    pub(crate) fn revive<'k, K: Iterator<Item = &'k [u8]>>(&self, keys: impl FnOnce() -> K) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Acquire) > 0 {
            self.cut(keys());
        }
    }

    #[cold]
    fn cut<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        // A range that is added after the fence is added by a reader that finds these keys in the
        // memtable.
        let known = self.known.load();
        let mut affected = keys.filter(|key| known.is_affected(key)).peekable();
        if affected.peek().is_none() {
            return;
        }
        let _replacing = self.replacing.lock();
        let mut left = KnownDead::clone(&self.known.load());
        for key in affected {
            left.cut(key);
        }
        self.publish(left);
    }

    /// The caller holds `replacing`.
    fn publish(&self, known: KnownDead) {
        let counts = known.generations.iter().map(|generation| generation.ranges.len());
        let count = counts.sum::<usize>() + usize::from(known.announced.is_some());
        self.known.store(Arc::new(known));
        self.count.store(count, Ordering::Release);
    }

    #[cfg(test)]
    pub(crate) fn known(&self) -> Vec<(KeyRange, SeqNo)> {
        let known = self.known.load();
        known.generations[0].ranges.iter().map(|range| (range.keys.clone(), range.from)).collect()
    }
}

impl KnownDead {
    /// Whether a known or announced range contains `key`.
    fn is_affected(&self, key: &[u8]) -> bool {
        let is_announced = |range: &KeyRange| *range.start <= *key && range.ends_after(key);
        self.generations.iter().any(|generation| generation.index_of(key).is_some())
            || self.announced.as_ref().is_some_and(is_announced)
    }

    /// Adds a range, in a new generation if one is due. Returns the weight of the evicted range, or
    /// 0.
    fn add(&mut self, range: DeadRange) -> u64 {
        if range.from.0 >= self.begun.0 + GENERATION {
            self.generations.rotate_right(1);
            self.generations[0] = Arc::clone(&self.generations[1]);
            self.begun = range.from;
        }
        let newest = Arc::make_mut(&mut self.generations[0]);
        newest.add(range);
        newest.shrink()
    }

    fn cut(&mut self, key: &[u8]) {
        for generation in &mut self.generations {
            if let Some(index) = generation.index_of(key) {
                let generation = Arc::make_mut(generation);
                generation.cut(index, key);
                generation.shrink();
            }
        }
    }
}

impl DeadGeneration {
    fn index_of(&self, key: &[u8]) -> Option<usize> {
        let wanted = key_prefix(key);
        let mut count = self.starts.partition_point(|start| *start <= wanted);
        // Equal prefixes decide nothing.
        while count > 0 && self.starts[count - 1] == wanted && *self.ranges[count - 1].keys.start > *key {
            count -= 1;
        }
        let index = count.checked_sub(1)?;
        self.ranges[index].keys.ends_after(key).then_some(index)
    }

    /// The index of the range that contains all keys from some key up to `end`, or to the last key.
    fn index_before(&self, end: Option<&[u8]>) -> Option<usize> {
        let begins_before = |range: &Arc<DeadRange>| end.is_none_or(|end| *range.keys.start < *end);
        let index = self.ranges.partition_point(begins_before).checked_sub(1)?;
        let reaches = match (&self.ranges[index].keys.end, end) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(range_end), Some(end)) => **range_end >= *end,
        };
        reaches.then_some(index)
    }

    /// Adds a range, merged with those that it overlaps or touches.
    fn add(&mut self, mut range: DeadRange) {
        let ends_before =
            |known: &Arc<DeadRange>| known.keys.end.as_ref().is_some_and(|end| *end < range.keys.start);
        let first = self.ranges.partition_point(ends_before);
        let begins_within =
            |known: &Arc<DeadRange>| range.keys.end.as_ref().is_none_or(|end| known.keys.start <= *end);
        let count = self.ranges[first..].partition_point(begins_within);
        for known in self.ranges.drain(first..first + count) {
            range = range.union(&known);
        }
        self.ranges.insert(first, Arc::new(range));
        self.note_starts();
    }

    fn cut(&mut self, index: usize, key: &[u8]) {
        let range = self.ranges.remove(index);
        let passed_before = range.passed_before(key);
        let before = KeyRange { start: range.keys.start.clone(), end: Some(key.to_vec()) };
        let behind = KeyRange { start: after(key), end: range.keys.end.clone() };
        for (keys, passed) in [(behind, range.passed - passed_before), (before, passed_before)] {
            if keys.is_empty() {
                continue;
            }
            let passed = passed.max(1);
            let weight = range.weight.load(Ordering::Relaxed).saturating_sub(range.passed - passed);
            let part = DeadRange { keys, from: range.from, passed, weight: AtomicU64::new(weight) };
            self.ranges.insert(index, Arc::new(part));
        }
        self.note_starts();
    }

    /// Evicts ranges while there are too many, each time the lightest of the keyspace that has the
    /// most. Returns the weight of the last one, or 0.
    fn shrink(&mut self) -> u64 {
        let mut gone = 0;
        while self.ranges.len() > MAX_COUNT {
            let keyspaces = self.ranges.chunk_by(|one, other| one.keyspace() == other.keyspace());
            let weights = keyspaces.flat_map(|keyspace| {
                let weight = |range: &Arc<DeadRange>| range.weight.load(Ordering::Relaxed);
                keyspace.iter().map(move |range| (Reverse(keyspace.len()), weight(range)))
            });
            let Some(((_, weight), index)) = weights.zip(0..).min() else { break };
            self.ranges.remove(index);
            self.starts.remove(index);
            gone = weight;
        }
        gone
    }

    fn note_starts(&mut self) {
        self.starts = self.ranges.iter().map(|range| key_prefix(&range.keys.start)).collect();
    }
}

impl DeadRange {
    /// The id of the keyspace in which it starts.
    fn keyspace(&self) -> Option<&[u8]> {
        self.keys.start.get(..size_of::<KeyspaceId>())
    }

    /// How many of its dead entries are before `key`, if their keys are spread evenly: a guess that
    /// keeps the weight of a large part when small ones are split off again and again.
    fn passed_before(&self, key: &[u8]) -> u64 {
        let Some(end) = &self.keys.end else { return self.passed / 2 };
        let start = &self.keys.start;
        let common = start.iter().zip(end).take_while(|(one, other)| one == other).count();
        let number = |key: &[u8]| {
            let rest = key.get(common..).unwrap_or_default();
            rest.iter()
                .copied()
                .chain(std::iter::repeat(0))
                .take(8)
                .fold(0u64, |number, byte| number << 8 | u64::from(byte))
        };
        let (first, last) = (number(start), number(end));
        let distance = u128::from(number(key).clamp(first, last) - first);
        let share = u128::from(self.passed) * distance / u128::from(last - first).max(1);
        u64::try_from(share).map_or(self.passed, |share| share.min(self.passed))
    }

    /// The union of two ranges that overlap or touch.
    fn union(self, other: &Self) -> Self {
        let keys = KeyRange {
            start: self.keys.start.min(other.keys.start.clone()),
            // Unbounded if either is.
            end: self.keys.end.and_then(|end| Some(end.max(other.keys.end.clone()?))),
        };
        let passed = self.passed.saturating_add(other.passed);
        let (own, others) = (self.weight.into_inner(), other.weight.load(Ordering::Relaxed));
        // Each weight is what was evicted last plus what the range saves.
        let base = own.saturating_sub(self.passed).max(others.saturating_sub(other.passed));
        let weight = AtomicU64::new(base.saturating_add(passed));
        Self { keys, from: self.from.max(other.from), passed, weight }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// An operation at a sequence number.
    #[derive(Clone, Debug)]
    enum Deed {
        Put(u8),
        Delete(u8),
        /// A reader that is far behind starts at the first key, before the second one, or behind
        /// every key.
        Look(u8, Option<u8>, u64),
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let deed = prop_oneof![
            (0u8..30).prop_map(Deed::Put),
            (0u8..30).prop_map(Deed::Delete),
            (0u8..30).prop_map(Deed::Delete),
            (0u8..30, prop::option::of(0u8..31), 0u64..4)
                .prop_map(|(start, end, behind)| Deed::Look(start, end, behind)),
        ];
        prop::collection::vec(deed, 0..60)
    }

    /// The history of keys: whether the key is live from a number on.
    type History = BTreeMap<u8, Vec<(u64, bool)>>;

    fn is_live(history: &History, key: u8, at: u64) -> bool {
        let versions = history.get(&key).into_iter().flatten();
        versions.rev().find(|(seqno, _)| *seqno <= at).is_some_and(|(_, is_value)| *is_value)
    }

    fn live_keys(history: &History, dead: &CoveredSpan, at: u64) -> Vec<u8> {
        (0..40).filter(|key| dead.contains(&[*key]) && is_live(history, *key, at)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn no_reader_seeks_past_a_key_that_it_sees(deeds in deeds(), step in prop_oneof![Just(1u64), Just(300)]) {
            let dead = DeadRanges::default();
            let mut history = History::new();
            // Steps of some hundred numbers fill the older generations; small ones only the newest.
            for (now, deed) in (1u64..).map(|n| n * step).zip(deeds) {
                match deed {
                    Deed::Put(key) => {
                        history.entry(key).or_default().push((now, true));
                        let bytes = [key];
                        dead.revive(|| std::iter::once(&bytes[..]));
                    }
                    Deed::Delete(key) => history.entry(key).or_default().push((now, false)),
                    Deed::Look(start, end, behind) => {
                        let at = now.saturating_sub(behind * step);
                        let range = KeyRange { start: vec![start], end: end.map(|end| vec![end]) };
                        // Up to the next live key.
                        let live = (start..40).find(|key| range.ends_after(&[*key]) && is_live(&history, *key, at));
                        let range = KeyRange { end: live.map(|key| vec![key]).or(range.end), ..range };
                        let is_unchanged = || {
                            let versions = history.iter().filter(|(key, _)| range.ends_after(&[**key]) && **key >= start);
                            !versions.flat_map(|(_, versions)| versions).any(|(seqno, _)| *seqno > at)
                        };
                        dead.add(range.clone(), SeqNo(at), 20, is_unchanged);
                    }
                }
                let known = dead.known();
                let in_order = |pair: &[(KeyRange, SeqNo)]| pair[0].0.end.as_ref().is_some_and(|end| *end <= pair[1].0.start);
                prop_assert!(known.windows(2).all(in_order));
                for at in [now, now.saturating_sub(step), now.saturating_sub(3 * step)] {
                    for key in 0..40 {
                        if let Some(stretch) = dead.around(&[key], SeqNo(at)) {
                            prop_assert!(stretch.contains(&[key]));
                            prop_assert_eq!(live_keys(&history, &stretch, at), Vec::<u8>::new(), "at {} of {}", at, now);
                        }
                        for end in [None, Some(vec![key])] {
                            let all = KeyRange { start: vec![0], end };
                            let skipped = [dead.without_front(all.clone(), SeqNo(at)), dead.without_back(all.clone(), SeqNo(at))];
                            for rest in skipped {
                                let gone = |key: &u8| all.contains(&[*key]) && !rest.contains(&[*key]);
                                prop_assert!(!(0..40).filter(gone).any(|key| is_live(&history, key, at)));
                            }
                        }
                    }
                }
            }
        }
    }

    fn range(start: u32, end: u32) -> KeyRange {
        KeyRange { start: start.to_be_bytes().to_vec(), end: Some(end.to_be_bytes().to_vec()) }
    }

    #[test]
    fn the_prefix_of_a_queue_is_one_range_and_one_for_those_behind() {
        let dead = DeadRanges::default();
        for n in 0..10_000u32 {
            dead.add(range(16 * n, 16 * (n + 1)), SeqNo(u64::from(100 * n)), 16, || true);
            assert_eq!(dead.known().len(), 1);
        }
        let all = dead.around(&range(5, 6).start, SeqNo(1_000_000)).expect("it is known");
        assert_eq!(all.end, range(0, 160_000).end);
        let behind =
            dead.around(&range(5, 6).start, SeqNo(1_000_000 - GENERATION)).expect("the older part is");
        assert!(behind.end < all.end && behind.end > range(0, 159_000).end);
        assert_eq!(dead.around(&range(5, 6).start, SeqNo(500_000)), None);
    }

    #[test]
    fn what_spares_little_goes_first_and_nothing_stays_for_ever() {
        let dead = DeadRanges::default();
        dead.add(range(0, 10), SeqNo(1), 1_000_000, || true);
        for n in 1..=1000 {
            dead.add(range(20 * n, 20 * n + 10), SeqNo(1), 20, || true);
            assert!(dead.known().len() <= MAX_COUNT);
        }
        assert!(dead.around(&range(5, 6).start, SeqNo(1)).is_some(), "a million entries to step over again");
        for n in 1..=1_000_000 / 5000 * u32::try_from(MAX_COUNT).expect("few") + 1000 {
            dead.add(range(20 * n, 20 * n + 10), SeqNo(1), 5000, || true);
        }
        assert!(!dead.known().iter().any(|(known, _)| *known == range(0, 10)), "nobody has used it for long");
    }

    #[test]
    fn many_ranges_of_one_keyspace_do_not_evict_the_few_of_another() {
        let dead = DeadRanges::default();
        let of = |keyspace: u32, n: u32| {
            let key = |n: u32| [keyspace.to_be_bytes(), n.to_be_bytes()].concat();
            KeyRange { start: key(20 * n), end: Some(key(20 * n + 10)) }
        };
        for n in 1..=10 {
            dead.add(of(1, n), SeqNo(1), 20, || true);
        }
        for n in 1..=1000 {
            dead.add(of(2, n), SeqNo(1), 1_000_000, || true);
            dead.add(of(3, n), SeqNo(1), 30, || true);
        }
        let count = |keyspace: u32| {
            let known = dead.known();
            known.iter().filter(|(range, _)| range.start.starts_with(&keyspace.to_be_bytes())).count()
        };
        assert_eq!((count(1), count(2), count(3)), (10, 27, 27));
    }

    #[test]
    fn a_range_that_is_filled_again_falls_into_few_parts() {
        let dead = DeadRanges::default();
        dead.add(range(0, 1_000_000), SeqNo(1), 1_000_000, || true);
        for n in 0..1000 {
            let key = range(n, n + 1).start;
            dead.revive(|| std::iter::once(&*key));
            assert!(dead.known().len() <= MAX_COUNT);
            assert_eq!(dead.around(&range(n, n + 1).start, SeqNo(9)), None);
        }
    }

    #[test]
    fn a_range_with_long_keys_is_not_remembered() {
        let dead = DeadRanges::default();
        dead.add(KeyRange { start: vec![1; MAX_SIZE], end: Some(vec![2]) }, SeqNo(1), 1000, || true);
        assert!(dead.known().is_empty());
    }

    #[test]
    fn what_is_announced_is_used_by_nobody_and_known_to_writers() {
        let dead = DeadRanges::default();
        dead.add(range(0, 10), SeqNo(1), 20, || {
            assert_eq!(dead.around(&range(5, 6).start, SeqNo(1)), None);
            assert!(dead.known.load().is_affected(&range(5, 6).start));
            false
        });
        assert!(dead.known().is_empty(), "it was taken back");
    }
}
