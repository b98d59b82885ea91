//! The writes of one commit, as an adapter is given them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// What one commit writes: ranges that are removed first, then keys that are put or removed.
///
/// Ranges are in order and apart from each other, keys in order and each there once; a key may be
/// within a removed range, and its write then counts. Methods that add a write keep it so: a range
/// takes what was put before it, not what is put after.
///
/// ```
/// use walnut::remote::Writes;
///
/// let mut writes = Writes::new();
/// writes.put(b"b", b"lost");
/// writes.remove_range(b"a", b"m");
/// writes.put(b"c", b"kept");
/// writes.remove(b"z");
/// assert_eq!(writes.ranges().collect::<Vec<_>>(), [(&b"a"[..], &b"m"[..])]);
/// assert_eq!(writes.keys().collect::<Vec<_>>(), [(&b"c"[..], Some(&b"kept"[..])), (b"z", None)]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Writes {
    /// The end of each range by its start.
    ranges: BTreeMap<Vec<u8>, Vec<u8>>,
    keys: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The bytes of keys, values and bounds.
    size: usize,
}

impl Writes {
    /// No writes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of `key`.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.write(key, Some(value));
    }

    /// Removes `key`, if it has a value.
    pub fn remove(&mut self, key: &[u8]) {
        self.write(key, None);
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let value_size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        match self.keys.entry(key.to_vec()) {
            Entry::Occupied(mut known) => {
                self.size -= value_size(known.get());
                known.insert(value.map(<[u8]>::to_vec));
            }
            Entry::Vacant(new) => {
                self.size += key.len();
                new.insert(value.map(<[u8]>::to_vec));
            }
        }
        self.size += value.map_or(0, <[u8]>::len);
    }

    /// Removes every key from `start`, inclusive, to `end`, exclusive, and takes back what was put
    /// there before. Does nothing if there is no key between them.
    pub fn remove_range(&mut self, start: &[u8], end: &[u8]) {
        if start >= end {
            return;
        }
        let mut covered = self.keys.split_off(start);
        let mut behind = covered.split_off(end);
        self.keys.append(&mut behind);
        let sizes = covered.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        self.size -= sizes.sum::<usize>();
        let (mut start, mut end) = (start.to_vec(), end.to_vec());
        // Ranges are apart, so their ends are in the order of their starts.
        while let Some((met_start, met_end)) = self.ranges.range(..=end.clone()).next_back() {
            if *met_end < start {
                break;
            }
            let met = met_start.clone();
            self.size -= met_start.len() + met_end.len();
            end = end.max(met_end.clone());
            self.ranges.remove(&met);
            start = start.min(met);
        }
        self.size += start.len() + end.len();
        self.ranges.insert(start, end);
    }

    /// The removed ranges in order: start, inclusive, and end, exclusive.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.ranges.iter().map(|(start, end)| (start.as_slice(), end.as_slice()))
    }

    /// The keys in order, each with its new value, or `None` if it is removed.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        self.keys.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.keys.is_empty()
    }

    /// The number of keys and ranges.
    pub fn len(&self) -> usize {
        self.ranges.len() + self.keys.len()
    }

    /// The bytes of all keys, values and bounds of ranges.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl fmt::Debug for Writes {
    /// Leaves out keys and values, because they are stored values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writes")
            .field("ranges", &self.ranges.len())
            .field("keys", &self.keys.len())
            .field("size", &self.size)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Writes;

    #[derive(Clone, Debug)]
    enum Operation {
        Put(Vec<u8>, Vec<u8>),
        Remove(Vec<u8>),
        RemoveRange(Vec<u8>, Vec<u8>),
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0..4u8, 0..3)
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            (key(), key()).prop_map(|(key, value)| Operation::Put(key, value)),
            key().prop_map(Operation::Remove),
            (key(), key()).prop_map(|(start, end)| Operation::RemoveRange(start, end)),
        ]
    }

    proptest! {
        #[test]
        fn ranges_first_then_keys_is_the_same_as_the_operations_in_order(
            before in prop::collection::btree_map(key(), key(), 0..12),
            operations in prop::collection::vec(operation(), 0..20),
        ) {
            let (mut expected, mut writes) = (before.clone(), Writes::new());
            for operation in &operations {
                match operation {
                    Operation::Put(key, value) => {
                        expected.insert(key.clone(), value.clone());
                        writes.put(key, value);
                    }
                    Operation::Remove(key) => {
                        expected.remove(key);
                        writes.remove(key);
                    }
                    Operation::RemoveRange(start, end) => {
                        expected.retain(|key, _| key < start || key >= end);
                        writes.remove_range(start, end);
                    }
                }
            }
            let mut state: BTreeMap<Vec<u8>, Vec<u8>> = before;
            for (start, end) in writes.ranges() {
                state.retain(|key, _| key.as_slice() < start || key.as_slice() >= end);
            }
            for (key, value) in writes.keys() {
                match value {
                    Some(value) => drop(state.insert(key.to_vec(), value.to_vec())),
                    None => drop(state.remove(key)),
                }
            }
            prop_assert_eq!(state, expected);
            let bounds: Vec<_> = writes.ranges().collect();
            prop_assert!(bounds.iter().all(|(start, end)| start < end));
            prop_assert!(bounds.windows(2).all(|pair| pair[0].1 < pair[1].0));
            let ranges: usize = writes.ranges().map(|(start, end)| start.len() + end.len()).sum();
            let keys: usize = writes.keys().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
            prop_assert_eq!(writes.size(), ranges + keys);
            prop_assert_eq!(writes.len(), writes.ranges().len() + writes.keys().len());
            prop_assert_eq!(writes.is_empty(), writes.ranges().count() + writes.keys().count() == 0);
        }
    }
}
