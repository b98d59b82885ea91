//! Which versions of a key a merge keeps.
//!
//! ```text
//!   boundaries (somebody reads there)        3           7                  now
//!   versions of a key               1  2     |     5  6  |        8  9      |    11  12
//!   kept                               2              6              9           11  12
//!                                   stripe 0    stripe 1      stripe 2       above: all
//! ```
//!
//! The boundaries are the pinned sequence numbers and the number that was visible when the merge began; whoever begins to
//! read later does so at the last of them or above. A reader at a boundary sees of a key the newest version at or below
//! it, which is the newest of a stripe; so
//!
//! 1. of the versions of one key in one stripe the newest is kept; above the last boundary all are;
//! 2. a tombstone goes only from stripe 0, and only when nothing older of its key can lie anywhere else: it hides nothing then,
//!    and no transaction asks whether the key was changed since, because all of them read at or above it.
//!
//! It knows no files: where older versions can lie is asked of the caller, by key.

use crate::base::{Entry, Kind, SeqNo};

/// Decides about the entries of a merge, one after the other in internal order.
#[derive(Debug)]
pub(crate) struct Garbage {
    boundaries: Vec<SeqNo>,
    /// The key of the last entry, and the stripe of it.
    key: Vec<u8>,
    stripe: Option<usize>,
}

impl Garbage {
    /// `boundaries` ascend.
    pub(crate) fn new(boundaries: Vec<SeqNo>) -> Self {
        debug_assert!(boundaries.is_sorted(), "the boundaries are in order");
        Self { boundaries, key: Vec::new(), stripe: None }
    }

    /// Whether the next entry is kept. `is_oldest` says that no older version of the key lies outside of the merge.
    pub(crate) fn keeps(&mut self, entry: &Entry<'_>, is_oldest: impl FnOnce(&[u8]) -> bool) -> bool {
        let stripe = self.boundaries.partition_point(|boundary| *boundary < entry.seqno);
        let same_key = self.stripe.is_some() && entry.key == self.key;
        let is_hidden = same_key && self.stripe == Some(stripe) && stripe < self.boundaries.len();
        if !same_key {
            self.key.clear();
            self.key.extend_from_slice(entry.key);
        }
        self.stripe = Some(stripe);
        let is_spent = stripe == 0 && entry.kind == Kind::Delete && !self.boundaries.is_empty();
        !(is_hidden || is_spent && is_oldest(entry.key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A version: key, sequence number, whether it is a value.
    type Version = (u8, u64, bool);

    fn merge(versions: &[Version], boundaries: &[u64], older_elsewhere: &BTreeSet<u8>) -> Vec<Version> {
        let mut versions = versions.to_vec();
        versions.sort_by_key(|&(key, seqno, _)| (key, std::cmp::Reverse(seqno)));
        let mut garbage = Garbage::new(boundaries.iter().map(|&at| SeqNo(at)).collect());
        versions.retain(|&(key, seqno, is_value)| {
            let kind = if is_value { Kind::Put } else { Kind::Delete };
            let entry = Entry { key: &[key], seqno: SeqNo(seqno), kind, value: b"" };
            garbage.keeps(&entry, |key| !older_elsewhere.contains(&key[0]))
        });
        versions
    }

    fn newest(versions: &[Version], key: u8, at: u64) -> Option<Version> {
        versions
            .iter()
            .filter(|version| version.0 == key && version.1 <= at)
            .max_by_key(|version| version.1)
            .copied()
    }

    /// Whether the key has a value at a number, and which; what lies elsewhere is older than all versions here.
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
                    // A transaction that reads at the boundary finds out that the key was changed since.
                    let changed = |versions: &[Version]| newest(versions, key, u64::MAX).map(|newest| newest.1).filter(|&seqno| seqno > at);
                    prop_assert_eq!(changed(&kept), changed(&versions), "key {} since {}", key, at);
                }
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
