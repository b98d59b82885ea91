//! The read set of a transaction: the keys that were read, present or not, and the ranges.

use crate::base::{KeyHash, KeyRange, KeySet};
use crate::sync::Mutex;

/// Whether new transactions track nothing, to measure the cost of tracking. There is no isolation
/// then.
#[cfg(feature = "untracked")]
static UNTRACKED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Turns tracking off or on for transactions that begin from now on.
#[cfg(feature = "untracked")]
pub fn leave_conflicts_unnoticed(unnoticed: bool) {
    UNTRACKED.store(unnoticed, std::sync::atomic::Ordering::Relaxed);
}

/// The read set of one transaction. Once it is taken, nothing more is tracked.
#[derive(Debug, Default)]
pub(crate) struct ReadTracker {
    tracked: Mutex<Tracked>,
}

#[derive(Debug, Default)]
struct Tracked {
    keys: KeySet,
    ranges: Vec<KeyRange>,
    taken: bool,
}

impl ReadTracker {
    pub(super) fn new() -> Self {
        let reads = Self::default();
        #[cfg(feature = "untracked")]
        if UNTRACKED.load(std::sync::atomic::Ordering::Relaxed) {
            reads.take();
        }
        reads
    }

    pub(super) fn track_key(&self, key: &[u8], hash: KeyHash) {
        let mut tracked = self.tracked.lock();
        if !tracked.taken {
            tracked.keys.insert(key, hash);
        }
    }

    /// Tracks `start..end`. `slot` is `None` for a new range; later calls with the same slot
    /// replace it.
    pub(super) fn track_range(&self, slot: &mut Option<usize>, start: &[u8], end: Option<&[u8]>) {
        let mut tracked = self.tracked.lock();
        if tracked.taken {
            return;
        }
        let index = *slot.get_or_insert(tracked.ranges.len());
        if index == tracked.ranges.len() {
            tracked.ranges.push(KeyRange { start: Vec::new(), end: None });
        }
        let range = &mut tracked.ranges[index];
        start.clone_into(&mut range.start);
        match (end, &mut range.end) {
            (Some(end), Some(old)) => end.clone_into(old),
            (end, old) => *old = end.map(<[u8]>::to_vec),
        }
    }

    /// Takes all keys, and the ranges sorted and disjoint.
    pub(super) fn take(&self) -> (KeySet, Vec<KeyRange>) {
        let mut tracked = self.tracked.lock();
        tracked.taken = true;
        let (keys, ranges) = (std::mem::take(&mut tracked.keys), std::mem::take(&mut tracked.ranges));
        drop(tracked);
        (keys, merge_ranges(ranges))
    }
}

fn merge_ranges(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    if ranges.len() < 2 {
        return ranges;
    }
    ranges.sort_unstable_by(|one, other| one.start.cmp(&other.start));
    let mut merged: Vec<KeyRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.end.as_ref().is_none_or(|end| *end >= range.start) => {
                // No end is after every end.
                let goes_on = last.end.is_some() && (range.end.is_none() || range.end > last.end);
                if goes_on {
                    last.end = range.end;
                }
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_that_are_apart_hold_the_same_keys(
            ranges in prop::collection::vec((0u8..20, prop::option::of(0u8..20)), 0..8),
        ) {
            let range = |(start, end): (u8, Option<u8>)| KeyRange { start: vec![start], end: end.map(|end| vec![end]) };
            let ranges: Vec<KeyRange> = ranges.into_iter().map(range).filter(|range| !range.is_empty()).collect();
            let merged = merge_ranges(ranges.clone());
            for key in 0..22 {
                let holds = |range: &&KeyRange| range.contains(&[key]);
                prop_assert_eq!(ranges.iter().any(|range| holds(&range)), merged.iter().filter(holds).count() == 1);
                prop_assert!(merged.iter().filter(holds).count() < 2);
            }
            let in_order = merged.windows(2).all(|pair| pair[0].end.as_ref().is_some_and(|end| *end < pair[1].start));
            prop_assert!(in_order, "{:?}", merged);
        }
    }
}
