//! Decodes the entries of a write batch.

use super::format::{BatchEntry, read_entry};
use crate::codec::Reader;
use crate::error::Fault;

/// Calls `visit` with each entry of a payload from a file, and with the offset of its key in the
/// payload; the value follows the key. A payload that is invalid is found where it is, so that
/// `visit` may have been called for the entries before.
#[inline]
pub(crate) fn decode<'a>(
    payload: &'a [u8],
    count: u32,
    mut visit: impl FnMut(usize, BatchEntry<'a>),
) -> Result<(), Fault> {
    let mut reader = Reader::new(payload);
    for _ in 0..count {
        let entry @ (_, key, value) = read_entry(&mut reader)?;
        visit(payload.len() - reader.rest().len() - value.len() - key.len(), entry);
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;
    use crate::base::{Kind, number_in};
    use crate::batch::EntryBatch;

    type Owned = (Kind, Vec<u8>, Vec<u8>);

    /// The entries of a payload, each with the offset of its key.
    fn decoded(payload: &[u8], count: u32) -> Result<Vec<(usize, BatchEntry<'_>)>, Fault> {
        let mut entries = Vec::new();
        decode(payload, count, |offset, entry| entries.push((offset, entry))).map(|()| entries)
    }

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
            let decoded = decoded(batch.payload(), batch.count()).unwrap();
            let is_written = |operation: &&Owned| operation.0 != Kind::RangeDelete || operation.1 < operation.2;
            let written: Vec<_> = operations.iter().filter(is_written).collect();
            prop_assert_eq!(decoded.len(), written.len());
            prop_assert_eq!(batch.iter().len(), written.len());
            prop_assert!(batch.iter().eq(decoded.iter().map(|(_, entry)| *entry)));
            for ((offset, (kind, key, value)), (put_kind, put_key, put_value)) in decoded.into_iter().zip(written) {
                prop_assert!(batch.payload()[offset..].starts_with(&[key, value].concat()));
                prop_assert_eq!(kind, *put_kind);
                prop_assert_eq!(key, put_key);
                prop_assert_eq!(value, if kind == Kind::Delete { &[] } else { &put_value[..] });
            }
        }

        #[test]
        fn hostile_bytes_give_entries_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200), count in any::<u32>()) {
            if let Ok(entries) = decoded(&bytes, count) {
                prop_assert_eq!(entries.len(), count as usize);
            }
        }
    }

    #[test]
    fn the_count_fills_the_payload_exactly_or_it_is_a_fault() {
        let mut batch = EntryBatch::new();
        batch.put(b"key", b"value");
        batch.delete(b"key");
        assert!(decoded(batch.payload(), 2).is_ok());
        assert_eq!(decoded(batch.payload(), 1).err(), Some(Fault::Invalid("length")));
        assert_eq!(decoded(batch.payload(), 3).err(), Some(Fault::Truncated));
        assert_eq!(decoded(batch.payload(), u32::MAX).err(), Some(Fault::Truncated));
        for cut in 0..batch.size() {
            assert!(decoded(&batch.payload()[..cut], 2).is_err(), "{cut} bytes");
        }
        assert!(decoded(&[], 0).is_ok());
    }

    #[test]
    fn a_range_tombstone_that_covers_nothing_is_not_written_and_a_fault_when_it_is_read() {
        let mut batch = EntryBatch::new();
        batch.delete_range(b"b", b"a");
        batch.delete_range(b"b", b"b");
        assert!(batch.is_empty());
        for payload in [b"\x03\x01\x01ba", b"\x03\x01\x01bb"] {
            let fault = Fault::Invalid("range of a range tombstone");
            assert_eq!(decoded(payload, 1).err(), Some(fault));
        }
    }

    #[test]
    fn the_bytes_of_an_add_stay_as_they_are() {
        let mut batch = EntryBatch::new();
        batch.add(b"k1", -2);
        let golden = b"\x04\x02k1\xfe\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(batch.payload(), golden);
        assert_eq!(decoded(golden, 1), Ok(vec![(2, (Kind::Add, &b"k1"[..], &(-2i64).to_le_bytes()[..]))]));
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
