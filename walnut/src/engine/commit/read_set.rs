//! What a transaction has read, and what a group of commits writes: whether they meet.

use std::collections::BTreeSet;

use crate::base::{KeyRange, KeySet, SealedBatch};
use crate::batch::{BatchEntry, EntryBatch};
use crate::mvcc::Pin;

/// What a transaction has read: its commit fails when any of it was changed since.
#[derive(Debug, Default)]
pub(crate) struct ReadSet {
    /// What keeps the state that was read; `None` when nothing was read.
    pub(crate) pin: Option<Pin>,
    pub(crate) keys: KeySet,
    /// What scans went through, in order and apart from each other: an entry that came into one of
    /// these, or left it, is a change too.
    pub(crate) ranges: Vec<KeyRange>,
}

impl ReadSet {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    fn has(&self, key: &[u8]) -> bool {
        if self.keys.contains(key) {
            return true;
        }
        let before = self.ranges.partition_point(|range| *range.start <= *key);
        before > 0 && self.ranges[before - 1].ends_after(key)
    }

    /// Whether a key from `start` on, and before `end`, was read, or looked for where there was
    /// none.
    fn has_within(&self, start: &[u8], end: &[u8]) -> bool {
        if self.keys.has_within(start, end) {
            return true;
        }
        let range = self.ranges.partition_point(|range| !range.ends_after(start));
        self.ranges.get(range).is_some_and(|range| *range.start < *end)
    }

    pub(super) fn has_written(&self, (kind, key, value): BatchEntry<'_>) -> bool {
        if kind.is_point() { self.has(key) } else { self.has_within(key, value) }
    }

    pub(crate) fn meet_batch(&self, batch: &EntryBatch) -> bool {
        batch.iter().any(|entry| self.has_written(entry))
    }

    /// Whether something that was read is among `writes`.
    pub(super) fn meet(&self, writes: &GroupWrites<'_>) -> bool {
        let keys = &writes.keys;
        let within =
            |range: &KeyRange| keys.range(&*range.start..).next().is_some_and(|key| range.ends_after(key));
        !keys.is_empty() && (self.keys.iter().any(|key| keys.contains(key)) || self.ranges.iter().any(within))
            || writes.ranges.iter().any(|(start, end)| self.has_within(start, end))
    }
}

/// What the commits of a group write: keys, and the ranges of range tombstones.
#[derive(Debug, Default)]
pub(super) struct GroupWrites<'b> {
    keys: BTreeSet<&'b [u8]>,
    ranges: Vec<(&'b [u8], &'b [u8])>,
}

impl<'b> GroupWrites<'b> {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    pub(super) fn add(&mut self, insertion: &'b SealedBatch) {
        for (kind, key, value) in insertion.iter() {
            if kind.is_point() {
                self.keys.insert(key);
            } else {
                self.ranges.push((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meet_the_keys_that_they_named_and_those_that_lie_in_their_ranges() {
        let range = |start: &[u8], end: Option<&[u8]>| KeyRange {
            start: start.to_vec(),
            end: end.map(<[u8]>::to_vec),
        };
        let ranges = vec![range(b"d", Some(b"f")), range(b"h", Some(b"i")), range(b"x", None)];
        let reads = ReadSet { pin: None, keys: [b"b", b"w"].into_iter().collect(), ranges };
        for (key, meets) in [
            ("a", false),
            ("b", true),
            ("c", false),
            ("d", true),
            ("e", true),
            ("f", false),
            ("g", false),
            ("h", true),
            ("i", false),
            ("w", true),
            ("wa", false),
            ("x", true),
            ("z", true),
        ] {
            assert_eq!(reads.has(key.as_bytes()), meets, "{key}");
            let keys = BTreeSet::from([b"a".as_slice(), key.as_bytes(), b"g"]);
            assert_eq!(reads.meet(&GroupWrites { keys, ranges: Vec::new() }), meets, "{key}");
        }
        for (start, end, meets) in [
            ("", "b", false),
            ("", "c", true),
            ("c", "d", false),
            ("e", "k", true),
            ("f", "h", false),
            ("z", "zz", true),
        ] {
            let ranges = vec![(start.as_bytes(), end.as_bytes())];
            assert_eq!(reads.meet(&GroupWrites { keys: BTreeSet::new(), ranges }), meets, "{start}..{end}");
        }
        assert!(!reads.meet(&GroupWrites::default()));
    }
}
