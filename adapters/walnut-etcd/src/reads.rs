//! What a session has read, and the comparisons that hold exactly as long as all of it still does.
//!
//! Let R be the revision that the session reads. While nothing that was read has changed:
//!
//! ```text
//!   a key that was there   its last change is the one that was seen
//!   a key that was not     its last change is 0
//!   a range                the last change of each key in it is at most R, and
//!                          each key that was seen in it is still there, as above
//! ```
//!
//! etcd permits 128 comparisons. When there would be more, keys and ranges that are near each other
//! become one range, and the guards of its buckets tell of removals. The commit may then meet a
//! conflict that is none; it never misses one.

use std::collections::BTreeMap;

use crate::keys::{Keys, after};
use crate::wire::{Compare, CompareResult, CompareTarget};

/// The most comparisons of one commit.
pub(crate) const COMPARES: usize = 128;

/// Keys and ranges that a session has read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The last change of each key that was read or seen in a range; 0 if it is not there.
    keys: BTreeMap<Vec<u8>, i64>,
    /// The end of each range by its start; `None` is open. They do not touch.
    ranges: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// From a key, inclusive, to a key, exclusive; or to the end of all keys.
type Interval = (Vec<u8>, Option<Vec<u8>>);

impl Reads {
    pub(crate) fn key(&mut self, key: &[u8], mod_revision: i64) {
        self.keys.insert(key.to_vec(), mod_revision);
    }

    /// A range was read; the keys that were seen in it are reported by [`key`](Self::key).
    pub(crate) fn range(&mut self, start: &[u8], end: Option<&[u8]>) {
        if end.is_some_and(|end| start >= end) {
            return;
        }
        let (mut start, mut end) = (start.to_vec(), end.map(<[u8]>::to_vec));
        // Ranges do not touch, so their ends are in the order of their starts.
        while let Some((met_start, met_end)) = self.last_range_that_begins_by(end.as_deref()) {
            if met_end.as_ref().is_some_and(|met| *met < start) {
                break;
            }
            self.ranges.remove(&met_start);
            end = end.zip(met_end).map(|(end, met)| end.max(met));
            start = start.min(met_start);
        }
        self.ranges.insert(start, end);
    }

    fn last_range_that_begins_by(&self, end: Option<&[u8]>) -> Option<Interval> {
        let last = match end {
            Some(end) => self.ranges.range(..=end.to_vec()).next_back(),
            None => self.ranges.iter().next_back(),
        };
        last.map(|(start, end)| (start.clone(), end.clone()))
    }

    fn covers(&self, key: &[u8]) -> bool {
        let before = self.ranges.range(..=key.to_vec()).next_back();
        before.is_some_and(|(_, end)| end.as_ref().is_none_or(|end| key < end.as_slice()))
    }

    /// The comparisons of a commit that writes `written` keys and removes `removed` ranges, on top
    /// of revision `revision`. At most [`COMPARES`].
    pub(crate) fn compares<'a>(
        &self,
        keys: &Keys,
        revision: i64,
        written: impl Iterator<Item = &'a [u8]>,
        removed: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Vec<Compare> {
        // A key that is written without having been read must not have been written since.
        let blind: Vec<_> =
            written.filter(|key| !self.keys.contains_key(*key) && !self.covers(key)).collect();
        let removed: Vec<_> = removed.collect();
        // A range covers the keys that are not in it.
        let points = self.keys.iter().filter(|(key, changed)| **changed != 0 || !self.covers(key));
        let exact = points.map(|(key, changed)| equal(keys.data(key), *changed));
        let ranges = self.ranges.iter().map(|(start, end)| {
            let end = end.as_ref().map_or_else(|| keys.data_end(), |end| keys.data(end));
            unchanged(keys.data(start), end, revision)
        });
        let blind_compares = blind.iter().map(|key| unchanged(keys.data(key), Vec::new(), revision));
        let removed_compares =
            removed.iter().map(|(start, end)| unchanged(keys.data(start), keys.data(end), revision));
        let all: Vec<_> =
            exact.chain(ranges).chain(blind_compares).chain(removed_compares).take(COMPARES + 1).collect();
        if all.len() <= COMPARES {
            return all;
        }
        let mut intervals: Vec<Interval> = self.ranges.clone().into_iter().collect();
        let points = self.keys.keys().map(Vec::as_slice).filter(|key| !self.covers(key));
        intervals.extend(points.chain(blind).map(|key| (key.to_vec(), Some(after(key.to_vec())))));
        intervals.extend(removed.iter().map(|(start, end)| (start.to_vec(), Some(end.to_vec()))));
        coarse(keys, revision, intervals)
    }
}

/// Comparisons of ranges that cover `intervals`, with their guards.
fn coarse(keys: &Keys, revision: i64, mut intervals: Vec<Interval>) -> Vec<Compare> {
    intervals.sort();
    // Two for each range, and one for the guard of all buckets.
    let intervals = merge(intervals, (COMPARES - 1) / 2);
    let mut compares = vec![unchanged(keys.global_guard(), Vec::new(), revision)];
    for (start, end) in intervals {
        let (first, behind) = keys.guards(&start, end.as_deref());
        let end = end.map_or_else(|| keys.data_end(), |end| keys.data(&end));
        compares.push(unchanged(keys.data(&start), end, revision));
        compares.push(unchanged(first, behind, revision));
    }
    compares
}

/// Merges sorted intervals until there are at most `count`, those that have most of their bytes in
/// common first: keys of one table rather than of two.
fn merge(intervals: Vec<Interval>, count: usize) -> Vec<Interval> {
    let excess = intervals.len().saturating_sub(count);
    let mut gaps: Vec<(usize, usize)> = intervals
        .windows(2)
        .enumerate()
        .map(|(at, pair)| {
            let left = pair[0].1.as_ref().unwrap_or(&pair[0].0);
            (left.iter().zip(&pair[1].0).take_while(|(left, right)| left == right).count(), at)
        })
        .collect();
    gaps.sort_by(|left, right| right.cmp(left));
    gaps.truncate(excess);
    let mut closed = vec![false; intervals.len()];
    for (_, at) in gaps {
        closed[at + 1] = true;
    }
    let mut merged: Vec<Interval> = Vec::new();
    for (closed, (start, end)) in closed.into_iter().zip(intervals) {
        match merged.last_mut() {
            Some((_, last)) if closed => *last = last.take().zip(end).map(|(last, end)| last.max(end)),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// The key was last changed at `mod_revision`; at 0 it is not there.
fn equal(key: Vec<u8>, mod_revision: i64) -> Compare {
    compare(CompareResult::Equal, key, Vec::new(), mod_revision)
}

/// No key of the range that is there was changed after `revision`. An empty end is the one key.
fn unchanged(key: Vec<u8>, range_end: Vec<u8>, revision: i64) -> Compare {
    compare(CompareResult::Less, key, range_end, revision.saturating_add(1))
}

fn compare(result: CompareResult, key: Vec<u8>, range_end: Vec<u8>, mod_revision: i64) -> Compare {
    Compare {
        result: result.into(),
        target: CompareTarget::Mod.into(),
        key,
        mod_revision: Some(mod_revision),
        range_end,
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPARES, Reads, merge};
    use crate::keys::{Keys, bucket};
    use crate::wire::{Compare, CompareResult};

    const REVISION: i64 = 50;

    /// What etcd does with a comparison: `state` is the keys that are there, each with its last
    /// change.
    fn holds(compare: &Compare, state: &[(Vec<u8>, i64)]) -> bool {
        let test = |changed: i64| match compare.result() {
            CompareResult::Equal => Some(changed) == compare.mod_revision,
            CompareResult::Less => Some(changed) < compare.mod_revision,
            CompareResult::Greater => Some(changed) > compare.mod_revision,
        };
        let met: Vec<_> = state
            .iter()
            .filter(|(key, _)| {
                if compare.range_end.is_empty() {
                    *key == compare.key
                } else {
                    *key >= compare.key && *key < compare.range_end
                }
            })
            .collect();
        if met.is_empty() { test(0) } else { met.iter().all(|(_, changed)| test(*changed)) }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % bound
        }
    }

    /// Keys of several tables.
    fn name(number: usize) -> Vec<u8> {
        format!("tab{}{:03}", number % 3, number / 3).into_bytes()
    }

    /// One change after random reads: comparisons fail if it is of something that was read, and if
    /// they are few, only then.
    #[test]
    fn comparisons_fail_when_something_that_was_read_has_changed() {
        let keys = Keys::new("w/");
        for seed in 0..3000 {
            let mut random = Random(seed);
            let size = [4, 30, 600][random.below(3)];
            let there: Vec<usize> = (0..size).filter(|_| random.below(3) > 0).collect();
            let changed = |number: usize| 1 + i64::try_from(number).expect("small") % REVISION;
            let mut state: Vec<_> =
                there.iter().map(|number| (keys.data(&name(*number)), changed(*number))).collect();
            let (mut reads, mut read) = (Reads::default(), vec![false; size]);
            for _ in 0..random.below(if size > 100 { 300 } else { 6 }) {
                let number = random.below(size);
                reads.key(&name(number), if there.contains(&number) { changed(number) } else { 0 });
                read[number] = true;
            }
            for _ in 0..random.below(4) {
                let (start, end) =
                    (name(random.below(size)), (random.below(5) > 0).then(|| name(random.below(size))));
                reads.range(&start, end.as_deref());
                for (number, read) in read.iter_mut().enumerate() {
                    if name(number) >= start && end.as_ref().is_none_or(|end| name(number) < *end) {
                        *read = true;
                        if there.contains(&number) {
                            reads.key(&name(number), changed(number));
                        }
                    }
                }
            }
            let blind = random.below(size);
            let compares =
                reads.compares(&keys, REVISION, [name(blind).as_slice()].into_iter(), [].into_iter());
            assert!(compares.len() <= COMPARES, "{} comparisons", compares.len());
            assert!(
                compares.iter().all(|compare| holds(compare, &state)),
                "seed {seed}: nothing has changed"
            );

            let victim = random.below(size);
            let removes = there.contains(&victim) && random.below(2) == 0;
            state.retain(|(key, _)| *key != keys.data(&name(victim)));
            if removes {
                let guard = if random.below(4) == 0 {
                    keys.global_guard()
                } else {
                    keys.guard(bucket(&name(victim)))
                };
                state.push((guard, REVISION + 1));
            } else {
                state.push((keys.data(&name(victim)), REVISION + 1));
            }
            let conflict = !compares.iter().all(|compare| holds(compare, &state));
            let must = read[victim] || (blind == victim && !removes);
            assert!(conflict || !must, "seed {seed}: {victim} was missed, removed: {removes}");
            if compares.len() < COMPARES - 2
                && !compares.iter().any(|compare| compare.key == keys.global_guard())
            {
                assert_eq!(conflict, must, "seed {seed}: {victim} is a false conflict");
            }
        }
    }

    #[test]
    fn what_is_near_is_merged_first() {
        let point = |key: &str| (key.as_bytes().to_vec(), Some([key.as_bytes(), b"\0"].concat()));
        let merged = merge(vec![point("aa1"), point("aa2"), point("bb1"), point("bb9")], 2);
        assert_eq!(merged, [(b"aa1".to_vec(), point("aa2").1), (b"bb1".to_vec(), point("bb9").1)]);
        let open = merge(vec![point("a"), (b"b".to_vec(), None), point("c")], 1);
        assert_eq!(open, [(b"a".to_vec(), None)], "an open end stays open");
    }
}
