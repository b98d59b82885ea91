//! Decodes the entries of a write batch.

use super::format::{BatchEntry, read_entry};
use crate::codec::Reader;
use crate::error::Fault;

/// The entries of a valid payload, in insertion order.
#[derive(Clone)]
pub(crate) struct BatchEntries<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl<'a> BatchEntries<'a> {
    /// The entries of a payload from a file; all of them are validated here, once.
    pub(crate) fn new(payload: &'a [u8], count: u32) -> Result<Self, Fault> {
        let mut reader = Reader::new(payload);
        for _ in 0..count {
            read_entry(&mut reader)?;
        }
        reader.finish()?;
        Ok(Self { reader: Reader::new(payload), left: count })
    }

    /// The entries, each with the offset of its key in the payload; the value follows the key.
    pub(crate) fn with_offsets(mut self) -> impl Iterator<Item = (usize, BatchEntry<'a>)> {
        let size = self.reader.rest().len();
        std::iter::from_fn(move || {
            let entry @ (_, key, value) = self.next()?;
            Some((size - self.reader.rest().len() - value.len() - key.len(), entry))
        })
    }

    /// The entries of a payload that this process encoded; they are not validated.
    pub(super) fn of_batch(payload: &'a [u8], count: u32) -> Self {
        Self { reader: Reader::new(payload), left: count }
    }
}

impl<'a> Iterator for BatchEntries<'a> {
    type Item = BatchEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(read_entry(&mut self.reader).expect("the payload was checked, or written here"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl ExactSizeIterator for BatchEntries<'_> {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;
    use crate::base::{Kind, number_in};
    use crate::batch::EntryBatch;

    type Owned = (Kind, Vec<u8>, Vec<u8>);

    fn operations() -> impl Strategy<Value = Vec<Owned>> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
        let kind = prop_oneof![Just(Kind::Put), Just(Kind::Delete), Just(Kind::RangeDelete), Just(Kind::Add)];
        let operation = (kind, bytes(40), bytes(300)).prop_map(|(kind, key, value)| match kind {
            Kind::RangeDelete if key > value => (kind, value, key),
            Kind::Add => {
                (kind, key, (i64::from(value.first().copied().unwrap_or(0)) - 150).to_le_bytes().to_vec())
            }
            _ => (kind, key, value),
        });
        prop::collection::vec(operation, 0..20)
    }

    fn batch(operations: &[Owned]) -> EntryBatch {
        let mut batch = EntryBatch::new();
        for (kind, key, value) in operations {
            match kind {
                Kind::Put => batch.put(key, value),
                Kind::RangeDelete => batch.delete_range(key, value),
                Kind::Add => batch.add(key, number_in(value).unwrap()),
                Kind::Delete | Kind::Pointer => batch.delete(key),
            }
        }
        batch
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn entries_come_back_in_their_order(operations in operations()) {
            let batch = batch(&operations);
            prop_assert_eq!(batch.size(), batch.payload().len());
            let decoded = BatchEntries::new(batch.payload(), batch.count()).unwrap();
            let is_written = |operation: &&Owned| operation.0 != Kind::RangeDelete || operation.1 < operation.2;
            let written: Vec<_> = operations.iter().filter(is_written).collect();
            prop_assert_eq!(decoded.len(), written.len());
            prop_assert!(decoded.clone().eq(batch.iter()));
            for (offset, (_, key, value)) in decoded.clone().with_offsets() {
                prop_assert!(batch.payload()[offset..].starts_with(&[key, value].concat()));
            }
            for ((kind, key, value), (put_kind, put_key, put_value)) in decoded.zip(written) {
                prop_assert_eq!(kind, *put_kind);
                prop_assert_eq!(key, put_key);
                prop_assert_eq!(value, if kind == Kind::Delete { &[] } else { &put_value[..] });
            }
        }

        #[test]
        fn hostile_bytes_give_entries_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200), count in any::<u32>()) {
            if let Ok(entries) = BatchEntries::new(&bytes, count) {
                prop_assert_eq!(entries.count(), count as usize);
            }
        }
    }

    #[test]
    fn the_count_fills_the_payload_exactly_or_it_is_a_fault() {
        let mut batch = EntryBatch::new();
        batch.put(b"key", b"value");
        batch.delete(b"key");
        assert!(BatchEntries::new(batch.payload(), 2).is_ok());
        assert_eq!(BatchEntries::new(batch.payload(), 1).err(), Some(Fault::Invalid("length")));
        assert_eq!(BatchEntries::new(batch.payload(), 3).err(), Some(Fault::Truncated));
        assert_eq!(BatchEntries::new(batch.payload(), u32::MAX).err(), Some(Fault::Truncated));
        for cut in 0..batch.size() {
            assert!(BatchEntries::new(&batch.payload()[..cut], 2).is_err(), "{cut} bytes");
        }
        assert!(BatchEntries::new(&[], 0).is_ok());
    }

    #[test]
    fn a_range_tombstone_that_covers_nothing_is_not_written_and_a_fault_when_it_is_read() {
        let mut batch = EntryBatch::new();
        batch.delete_range(b"b", b"a");
        batch.delete_range(b"b", b"b");
        assert!(batch.is_empty());
        for payload in [b"\x03\x01\x01ba", b"\x03\x01\x01bb"] {
            let fault = Fault::Invalid("range of a range tombstone");
            assert_eq!(BatchEntries::new(payload, 1).err(), Some(fault));
        }
    }

    #[test]
    fn the_bytes_of_an_add_stay_as_they_are() {
        let mut batch = EntryBatch::new();
        batch.add(b"k1", -2);
        let golden = b"\x04\x02k1\xfe\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(batch.payload(), golden);
        let entries: Vec<_> = BatchEntries::new(golden, 1).unwrap().collect();
        assert_eq!(entries, [(Kind::Add, &b"k1"[..], &(-2i64).to_le_bytes()[..])]);
    }

    #[test]
    fn the_bytes_of_a_payload_stay_as_they_are() {
        let mut batch = EntryBatch::new();
        batch.put(b"k1", b"value");
        batch.delete(b"k2");
        batch.delete_range(b"k1", b"k4+");
        batch.put(b"", &[7; 128]);
        let mut golden = b"\x01\x02\x05k1value\x00\x02k2\x03\x02\x03k1k4+\x01\x00\x80\x01".to_vec();
        golden.extend_from_slice(&[7; 128]);
        assert_eq!(batch.payload(), golden);
    }
}
