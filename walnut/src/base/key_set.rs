//! A set of keys in one allocation.

use std::cell::OnceCell;

use super::{HashIndex, KeyHash};

/// Bytes reserved with the first key.
const FIRST_ROOM: usize = 128;

/// Distinct keys, in insertion order.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// The keys, concatenated.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    index: HashIndex,
    /// The ordinals of the keys in key order; built by the first range query.
    sorted: OnceCell<Vec<u32>>,
}

impl KeySet {
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// `hash` is that of `key`.
    pub(crate) fn insert(&mut self, key: &[u8], hash: KeyHash) {
        let ordinal = u32::try_from(self.ends.len()).expect("so many keys do not fit into memory");
        let Self { bytes, ends, index, .. } = self;
        if index.insert_new(hash, ordinal, |ordinal| key_at(bytes, ends, ordinal) == key) {
            if bytes.is_empty() {
                bytes.reserve(FIRST_ROOM);
            }
            bytes.extend_from_slice(key);
            ends.push(bytes.len());
            self.sorted.take();
        }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        !self.is_empty() && self.index.find(KeyHash::of(key), |ordinal| self.key(ordinal) == key).is_some()
    }

    /// Whether a key is at or after `start` and before `end`. Cost: the first call after an insert
    /// sorts all keys.
    pub(crate) fn has_within(&self, start: &[u8], end: &[u8]) -> bool {
        let sorted = self.sorted.get_or_init(|| {
            let mut ordinals: Vec<u32> = (0..).take(self.ends.len()).collect();
            ordinals.sort_unstable_by_key(|ordinal| self.key(*ordinal));
            ordinals
        });
        let first = sorted.partition_point(|ordinal| self.key(*ordinal) < start);
        sorted.get(first).is_some_and(|ordinal| self.key(*ordinal) < end)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..).take(self.ends.len()).map(|ordinal| self.key(ordinal))
    }

    fn key(&self, ordinal: u32) -> &[u8] {
        key_at(&self.bytes, &self.ends, ordinal)
    }
}

fn key_at<'b>(bytes: &'b [u8], ends: &[usize], ordinal: u32) -> &'b [u8] {
    let ordinal = ordinal as usize;
    let start = ordinal.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[ordinal]]
}

impl<K: AsRef<[u8]>> FromIterator<K> for KeySet {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.insert(key.as_ref(), KeyHash::of(key.as_ref()));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(keys in prop::collection::vec(prop::collection::vec(0u8..3, 0..5), 0..80)) {
            let (set, model): (KeySet, BTreeSet<Vec<u8>>) = (keys.iter().collect(), keys.iter().cloned().collect());
            prop_assert_eq!(set.is_empty(), model.is_empty());
            prop_assert_eq!(set.iter().count(), model.len());
            prop_assert_eq!(set.iter().map(<[u8]>::to_vec).collect::<BTreeSet<_>>(), model.clone());
            for (key, end) in keys.iter().zip(keys.iter().rev()) {
                prop_assert!(set.contains(key));
                let longer = [&key[..], &[2, 2]].concat();
                prop_assert_eq!(set.contains(&longer), model.contains(&longer));
                let has_within = key < end && model.range(key.clone()..end.clone()).next().is_some();
                prop_assert_eq!(set.has_within(key, end), has_within);
                prop_assert_eq!(set.has_within(&longer, end), longer < *end && model.range(longer..end.clone()).next().is_some());
            }
        }
    }
}
