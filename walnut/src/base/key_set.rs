//! A set of keys in one piece of memory.

use std::cell::OnceCell;

use super::{HashIndex, KeyHash};

/// The bytes of keys that there is room for with the first one.
const FIRST_ROOM: usize = 128;

/// Keys, each once, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// The keys, one after the other.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    places: HashIndex,
    /// The places of the keys in the order of the keys, once somebody asked for a range.
    sorted: OnceCell<Vec<u32>>,
}

impl KeySet {
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a key, whose hash is given.
    pub(crate) fn insert(&mut self, key: &[u8], hash: KeyHash) {
        let place = u32::try_from(self.ends.len()).expect("so many keys do not fit into memory");
        let Self { bytes, ends, places, .. } = self;
        if places.find(hash, |place| key_at(bytes, ends, place) == key).is_none() {
            if bytes.is_empty() {
                bytes.reserve(FIRST_ROOM);
            }
            bytes.extend_from_slice(key);
            ends.push(bytes.len());
            places.replace(hash, place, |_| false);
            self.sorted.take();
        }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        !self.is_empty() && self.places.find(KeyHash::of(key), |place| self.key(place) == key).is_some()
    }

    /// Whether there is a key from `start` on, and before `end`. All keys are sorted when this is asked for the first time.
    pub(crate) fn has_within(&self, start: &[u8], end: &[u8]) -> bool {
        let sorted = self.sorted.get_or_init(|| {
            let mut places: Vec<u32> = (0..).take(self.ends.len()).collect();
            places.sort_unstable_by_key(|place| self.key(*place));
            places
        });
        let first = sorted.partition_point(|place| self.key(*place) < start);
        sorted.get(first).is_some_and(|place| self.key(*place) < end)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..).take(self.ends.len()).map(|place| self.key(place))
    }

    fn key(&self, place: u32) -> &[u8] {
        key_at(&self.bytes, &self.ends, place)
    }
}

fn key_at<'b>(bytes: &'b [u8], ends: &[usize], place: u32) -> &'b [u8] {
    let place = place as usize;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[place]]
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
