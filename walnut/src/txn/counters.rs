//! Adds to counters: keys to which nearly every commit of a kind adds, kept apart from the other
//! writes.
//!
//! A counter is never written otherwise. So its adds need no hash and no order: a list of sums is
//! enough, and a roll-back truncates it as it truncates the writes.

use smallvec::SmallVec;

use crate::batch::EntryBatch;

/// The key of a counter.
pub(crate) type CounterKey = [u8; 8];

/// What was added to counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// After each add, the sum of all adds to its key.
    sums: SmallVec<[(CounterKey, i64); 2]>,
}

impl Counters {
    /// The number of adds that a roll-back can undo.
    pub(super) fn count(&self) -> usize {
        self.sums.len()
    }

    /// Whether a commit has nothing to add.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// The maximum size of the adds in a commit, in bytes.
    pub(super) fn size(&self) -> usize {
        self.sums.len() * (2 + size_of::<CounterKey>() + size_of::<i64>())
    }

    /// What was added to `key`.
    pub(super) fn sum(&self, key: CounterKey) -> i64 {
        self.sums.iter().rev().find(|(known, _)| *known == key).map_or(0, |(_, sum)| *sum)
    }

    pub(super) fn add(&mut self, key: CounterKey, delta: i64) {
        let sum = self.sum(key).wrapping_add(delta);
        self.sums.push((key, sum));
    }

    /// Undoes all but the first `count` adds.
    pub(super) fn truncate(&mut self, count: usize) {
        self.sums.truncate(count);
    }

    /// Keeps one sum of each key. Counts from before mean nothing afterwards.
    pub(super) fn compact(&mut self) {
        let mut kept: SmallVec<[(CounterKey, i64); 2]> = SmallVec::new();
        for (key, sum) in self.sums.drain(..) {
            match kept.iter_mut().find(|(known, _)| *known == key) {
                Some((_, last)) => *last = sum,
                None => kept.push((key, sum)),
            }
        }
        self.sums = kept;
    }

    /// Adds one entry for each counter that changes to a batch.
    pub(super) fn add_to(&self, batch: &mut EntryBatch) {
        for (at, (key, sum)) in self.sums.iter().enumerate() {
            let is_last = self.sums[at + 1..].iter().all(|(later, _)| later != key);
            if is_last && *sum != 0 {
                batch.add(key, *sum);
            }
        }
    }
}
