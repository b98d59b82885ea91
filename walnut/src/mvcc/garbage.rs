//! Which versions of a key, and which range tombstones, a flush or a compaction keeps.
//!
//! ```text
//!   boundaries (snapshots)                   3           7                  now
//!   versions of a key               1  2     |     5  6  |        8  9      |    11  12
//!   kept                               2              6              9           11  12
//!                                   stripe 0    stripe 1      stripe 2       above: all
//! ```
//!
//! The boundaries are the pinned sequence numbers and the visible one when the compaction began; a
//! later snapshot is at the last boundary or above. A reader at a boundary sees of a key the newest
//! version at or below it, which is the newest of a stripe; so
//!
//! 1. of the versions of one key in one stripe the newest is kept; above the last boundary all are.
//!    The adds below the newest version of a stripe are folded into it: see
//!    `compaction::FoldedAdds`;
//! 2. a version is dropped when a newer range tombstone of the same stripe covers its key: a reader
//!    that sees the one sees the other;
//! 3. a tombstone is dropped only from stripe 0, and only when no older version of its key can be
//!    outside of the compaction: it hides nothing then, and no transaction asks whether the key was
//!    changed since, because all of them read at or above it;
//! 4. for range tombstones the same holds, for all keys of a fragment together. The versions that
//!    they cover within the compaction have been dropped by rule 2 when they are dropped by rule 4;
//! 5. when no older version of *any* key is outside of the compaction, the sequence numbers of
//!    stripe 0 are zeroed (RocksDB does the same at the bottommost level): by rules 1 to 4, at most
//!    one value of each key is left there, which every reader sees, and no range tombstone, so
//!    nothing depends on the number any more. An add is not among them: it has no base below it, so
//!    it has become a put.
//!
//! It knows no files: the caller answers, by key or range, where older versions can be.

use crate::base::{Entry, Fragment, Kind, SeqNo};

/// Decides about the entries of a compaction, in internal order.
#[derive(Clone, Debug)]
pub(crate) struct Garbage {
    boundaries: Vec<SeqNo>,
    /// The key of the last entry, and its stripe.
    key: Vec<u8>,
    stripe: Option<usize>,
}

impl Garbage {
    /// `boundaries` ascend.
    pub(crate) fn new(boundaries: Vec<SeqNo>) -> Self {
        debug_assert!(boundaries.is_sorted(), "the boundaries are in order");
        Self { boundaries, key: Vec::new(), stripe: None }
    }

    /// Whether the next entry is kept, under this fragment of range tombstones. `is_oldest` returns
    /// whether no older version of the key is outside of the compaction.
    pub(crate) fn keeps(
        &mut self,
        entry: &Entry<'_>,
        over: Option<&Fragment>,
        is_oldest: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let stripe = self.stripe_of(entry.seqno);
        let same_key = self.stripe.is_some() && entry.key == self.key;
        let is_hidden = same_key && self.stripe == Some(stripe) && stripe < self.boundaries.len();
        if !same_key {
            self.key.clear();
            self.key.extend_from_slice(entry.key);
        }
        self.stripe = Some(stripe);
        let is_spent = stripe == 0 && entry.kind == Kind::Delete && !self.boundaries.is_empty();
        !(is_hidden || self.is_covered(entry, stripe, over) || is_spent && is_oldest(entry.key))
    }

    /// Whether this version, of the last entry's key, is in another stripe.
    pub(crate) fn is_other_stripe(&self, entry: &Entry<'_>) -> bool {
        let stripe = self.stripe_of(entry.seqno);
        self.stripe != Some(stripe) || stripe >= self.boundaries.len()
    }

    /// Whether a range tombstone of this fragment, in the version's own stripe, hides it.
    pub(crate) fn covers(&self, entry: &Entry<'_>, over: Option<&Fragment>) -> bool {
        self.is_covered(entry, self.stripe_of(entry.seqno), over)
    }

    /// Whether the sequence number of a kept entry can be zeroed, given that no older version of
    /// any key is outside of the compaction: every reader sees the entry.
    pub(crate) fn can_zero_seqno(&self, entry: &Entry<'_>) -> bool {
        self.boundaries.first().is_some_and(|lowest| entry.seqno <= *lowest)
    }

    /// Removes the sequence numbers of range tombstones, newest first, that no reader tells from a
    /// newer one: at most one per stripe is left, and all above the last boundary.
    pub(crate) fn thin(&self, seqnos: &mut Vec<SeqNo>) {
        let mut last = None;
        seqnos.retain(|&seqno| {
            let stripe = self.stripe_of(seqno);
            let is_hidden = last == Some(stripe) && stripe < self.boundaries.len();
            last = Some(stripe);
            !is_hidden
        });
    }

    /// The range tombstones of a fragment that are kept, after [`thin`](Self::thin). `is_oldest`
    /// returns whether no older version under the fragment is outside of the compaction.
    pub(crate) fn keep_fragment(
        &self,
        mut fragment: Fragment,
        is_oldest: impl FnOnce(&Fragment) -> bool,
    ) -> Option<Fragment> {
        let oldest = fragment.seqnos.last().map(|seqno| self.stripe_of(*seqno));
        let is_spent = oldest == Some(0) && !self.boundaries.is_empty();
        if is_spent && is_oldest(&fragment) {
            fragment.seqnos.pop();
        }
        (!fragment.seqnos.is_empty()).then_some(fragment)
    }

    fn is_covered(&self, entry: &Entry<'_>, stripe: usize, over: Option<&Fragment>) -> bool {
        let Some(&boundary) = self.boundaries.get(stripe) else { return false };
        over.and_then(|fragment| fragment.newest(boundary)).is_some_and(|seqno| seqno > entry.seqno)
    }

    /// The stripe of a sequence number, as a value that can be compared: of two numbers with equal
    /// ones no reader needs the older. Above the last boundary every number is a stripe of its own.
    /// The values are ordered as the numbers.
    pub(crate) fn stripe_id(&self, seqno: SeqNo) -> (usize, SeqNo) {
        let stripe = self.stripe_of(seqno);
        (stripe, if stripe < self.boundaries.len() { SeqNo::ZERO } else { seqno })
    }

    fn stripe_of(&self, seqno: SeqNo) -> usize {
        self.boundaries.partition_point(|boundary| *boundary < seqno)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::base::Fragments;

    /// A version: key, sequence number, whether it is a value.
    type Version = (u8, u64, bool);

    fn merge(versions: &[Version], boundaries: &[u64], older_elsewhere: &BTreeSet<u8>) -> Vec<Version> {
        let mut versions = versions.to_vec();
        versions.sort_by_key(|&(key, seqno, _)| (key, std::cmp::Reverse(seqno)));
        let boundaries = boundaries.iter().map(|&at| SeqNo(at)).collect();
        let mut garbage = Garbage::new(boundaries);
        versions.retain(|&(key, seqno, is_value)| {
            let kind = if is_value { Kind::Put } else { Kind::Delete };
            let entry = Entry { key: &[key], seqno: SeqNo(seqno), kind, value: b"" };
            garbage.keeps(&entry, None, |key| !older_elsewhere.contains(&key[0]))
        });
        versions
    }

    /// A history in which some operations are on ranges: the versions and range tombstones that are
    /// left.
    fn merge_ranges(
        versions: &[Version],
        ranges: &Fragments,
        boundaries: &[u64],
        older_elsewhere: &BTreeSet<u8>,
    ) -> (Vec<Version>, Vec<Fragment>) {
        let mut versions = versions.to_vec();
        versions.sort_by_key(|&(key, seqno, _)| (key, std::cmp::Reverse(seqno)));
        let boundaries = boundaries.iter().map(|&at| SeqNo(at)).collect();
        let mut garbage = Garbage::new(boundaries);
        versions.retain(|&(key, seqno, is_value)| {
            let kind = if is_value { Kind::Put } else { Kind::Delete };
            let entry = Entry { key: &[key], seqno: SeqNo(seqno), kind, value: b"" };
            garbage.keeps(&entry, ranges.find(&[key]), |key| !older_elsewhere.contains(&key[0]))
        });
        let is_oldest =
            |fragment: &Fragment| older_elsewhere.range(fragment.start[0]..fragment.end[0]).next().is_none();
        let thinned = ranges.iter().cloned().map(|mut fragment| {
            garbage.thin(&mut fragment.seqnos);
            fragment
        });
        let kept = thinned.filter_map(|fragment| garbage.keep_fragment(fragment, is_oldest));
        (versions, kept.collect())
    }

    fn covering(ranges: &[Fragment], key: u8, at: u64) -> Option<u64> {
        let over = ranges.iter().find(|fragment| (fragment.start[0]..fragment.end[0]).contains(&key))?;
        over.newest(SeqNo(at)).map(|seqno| seqno.0)
    }

    /// The value of a key at a number, under range tombstones.
    fn visible_under(
        (versions, ranges): (&[Version], &[Fragment]),
        key: u8,
        at: u64,
        older_elsewhere: &BTreeSet<u8>,
    ) -> Option<u64> {
        let gone = covering(ranges, key, at);
        visible(versions, key, at, older_elsewhere).filter(|&seqno| gone < Some(seqno))
    }

    fn is_changed((versions, ranges): (&[Version], &[Fragment]), key: u8, at: u64) -> bool {
        let newest = newest(versions, key, u64::MAX).map(|newest| newest.1);
        newest.max(covering(ranges, key, u64::MAX)) > Some(at)
    }

    fn newest(versions: &[Version], key: u8, at: u64) -> Option<Version> {
        versions
            .iter()
            .filter(|version| version.0 == key && version.1 <= at)
            .max_by_key(|version| version.1)
            .copied()
    }

    /// The value of a key at a number, if it has one; `elsewhere` is older than all versions here.
    fn visible(versions: &[Version], key: u8, at: u64, older_elsewhere: &BTreeSet<u8>) -> Option<u64> {
        match newest(versions, key, at) {
            Some((_, seqno, true)) => Some(seqno),
            Some((_, _, false)) => None,
            None => older_elsewhere.contains(&key).then_some(0),
        }
    }

    prop_compose! {
        fn history()(kinds in prop::collection::vec((0u8..4, any::<bool>()), 0..40)) -> Vec<Version> {
            (1..).zip(kinds).map(|(seqno, (key, is_value))| (key, seqno, is_value)).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn what_every_reader_sees_stays_as_it_was(
            versions in history(),
            boundaries in prop::collection::btree_set(0u64..45, 1..6),
            older_elsewhere in prop::collection::btree_set(0u8..4, 0..3),
        ) {
            let boundaries: Vec<u64> = boundaries.into_iter().collect();
            let kept = merge(&versions, &boundaries, &older_elsewhere);
            let last = boundaries[boundaries.len() - 1];
            for key in 0..4 {
                for at in boundaries.iter().copied().chain(last..50) {
                    prop_assert_eq!(
                        visible(&kept, key, at, &older_elsewhere),
                        visible(&versions, key, at, &older_elsewhere),
                        "key {} at {}", key, at
                    );
                    // A transaction that reads at the boundary finds out that the key was changed
                    // since.
                    let changed = |versions: &[Version]| newest(versions, key, u64::MAX).map(|newest| newest.1).filter(|&seqno| seqno > at);
                    prop_assert_eq!(changed(&kept), changed(&versions), "key {} since {}", key, at);
                }
            }
        }

        #[test]
        fn what_every_reader_sees_under_range_tombstones_stays_as_it_was(
            deeds in prop::collection::vec((0u8..6, 0u8..4, any::<bool>()), 0..40),
            boundaries in prop::collection::btree_set(0u64..45, 1..6),
            older_elsewhere in prop::collection::btree_set(0u8..6, 0..3),
        ) {
            let boundaries: Vec<u64> = boundaries.into_iter().collect();
            let (mut versions, mut ranges) = (Vec::new(), Vec::new());
            for (seqno, (key, size, is_value)) in (1..).zip(deeds) {
                match size {
                    0 | 1 => versions.push((key, seqno, is_value)),
                    _ => ranges.push(Fragments::one(&[key], &[key + size], SeqNo(seqno))),
                }
            }
            let ranges = Fragments::merged(&ranges);
            let (kept, kept_ranges) = merge_ranges(&versions, &ranges, &boundaries, &older_elsewhere);
            let (before, after) = ((&*versions, &*ranges), (&*kept, &*kept_ranges));
            let last = boundaries[boundaries.len() - 1];
            for key in 0..6 {
                for at in boundaries.iter().copied().chain(last..50) {
                    prop_assert_eq!(
                        visible_under(after, key, at, &older_elsewhere),
                        visible_under(before, key, at, &older_elsewhere),
                        "key {} at {}", key, at
                    );
                    prop_assert_eq!(is_changed(after, key, at), is_changed(before, key, at), "key {} since {}", key, at);
                }
                let settled = kept.iter().filter(|version| version.0 == key && version.1 <= last).count();
                prop_assert!(settled <= boundaries.len());
            }
            if older_elsewhere.is_empty() {
                let boundaries: Vec<_> = boundaries.iter().copied().map(SeqNo).collect();
                let garbage = Garbage::new(boundaries.clone());
                // The same without zeroed sequence numbers: a version is still known by its
                // original number.
                let number_of = |&(key, seqno, _): &Version| {
                    let entry = Entry { key: &[key], seqno: SeqNo(seqno), kind: Kind::Put, value: b"" };
                    if garbage.can_zero_seqno(&entry) { 0 } else { seqno }
                };
                let newest = |key: u8, at: u64| {
                    let of_key = kept.iter().filter(|version| version.0 == key && number_of(version) <= at);
                    of_key.max_by_key(|version| number_of(version))
                };
                for key in 0..6 {
                    for at in boundaries.iter().map(|at| at.0).chain(last..50) {
                        let gone = covering(&kept_ranges, key, at);
                        let seen = newest(key, at).filter(|version| gone < Some(number_of(version)) && version.2);
                        prop_assert_eq!(
                            seen.map(|version| version.1),
                            visible_under(before, key, at, &older_elsewhere),
                            "key {} at {} without numbers", key, at
                        );
                        let latest = newest(key, u64::MAX).map(number_of).max(covering(&kept_ranges, key, u64::MAX));
                        prop_assert_eq!(latest > Some(at), is_changed(before, key, at), "key {} since {} without numbers", key, at);
                    }
                    let ageless = kept.iter().filter(|version| version.0 == key && number_of(version) == 0);
                    prop_assert!(ageless.count() <= 1, "two versions with one number");
                }
            }
            for fragment in &kept_ranges {
                prop_assert!(fragment.seqnos.iter().filter(|seqno| seqno.0 <= last).count() <= boundaries.len());
                let hides = older_elsewhere.range(fragment.start[0]..fragment.end[0]).next().is_some();
                let is_spent = fragment.seqnos.iter().any(|seqno| seqno.0 <= boundaries[0]);
                prop_assert!(hides || !is_spent, "a range tombstone below all readers, with nothing to hide");
            }
        }

        #[test]
        fn no_more_versions_stay_than_there_are_readers(
            versions in history(),
            boundaries in prop::collection::btree_set(0u64..45, 1..6),
        ) {
            let boundaries: Vec<u64> = boundaries.into_iter().collect();
            let kept = merge(&versions, &boundaries, &BTreeSet::new());
            for key in 0..4 {
                let last = boundaries[boundaries.len() - 1];
                let settled = kept.iter().filter(|version| version.0 == key && version.1 <= last).count();
                prop_assert!(settled <= boundaries.len());
                let spent = kept.iter().any(|version| version.1 <= boundaries[0] && !version.2);
                prop_assert!(!spent, "a tombstone below all readers, with nothing to hide");
            }
        }
    }

    #[test]
    fn only_what_every_reader_sees_is_ageless() {
        let entry = |seqno| Entry { key: b"k", seqno: SeqNo(seqno), kind: Kind::Put, value: b"" };
        let garbage = Garbage::new(vec![SeqNo(5), SeqNo(9)]);
        let ageless: Vec<_> = (1..12).filter(|seqno| garbage.can_zero_seqno(&entry(*seqno))).collect();
        assert_eq!(ageless, [1, 2, 3, 4, 5]);
        assert!(!Garbage::new(Vec::new()).can_zero_seqno(&entry(1)), "nobody said where readers are");
    }

    #[test]
    fn a_tombstone_above_a_pin_is_never_dropped() {
        let versions = [(1, 4, true), (1, 6, false)];
        assert_eq!(merge(&versions, &[5, 9], &BTreeSet::new()), [(1, 6, false), (1, 4, true)]);
        assert_eq!(merge(&versions[1..], &[5, 9], &BTreeSet::new()), [(1, 6, false)]);
        assert_eq!(merge(&versions, &[9], &BTreeSet::new()), []);
    }

    #[test]
    fn a_tombstone_stays_while_something_older_can_lie_elsewhere() {
        let versions = [(1, 4, true), (1, 6, false)];
        assert_eq!(merge(&versions, &[9], &BTreeSet::from([1])), [(1, 6, false)]);
    }

    #[test]
    fn what_nobody_can_read_yet_is_kept_whole() {
        let versions = [(1, 4, true), (1, 6, false), (1, 7, true), (1, 8, true)];
        let mut expected = versions.to_vec();
        expected.reverse();
        assert_eq!(merge(&versions, &[5], &BTreeSet::new()), expected);
        assert_eq!(merge(&versions, &[], &BTreeSet::new()), expected);
    }
}
