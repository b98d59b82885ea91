//! Builds the payload of a data block.
//!
//! The prefix, which is stored once, is only known with the last key, so keys and values are
//! collected first and encoded at the end. The size is known before: the prefix of all keys is that
//! of the first and the last.

use super::block_index::shared_size;
use super::format::{BLOCK_PREFIX, BlockEntry, MAX_SLOTTED_SIZE, SLOT_LEN};
use crate::base::{Entry, Kind, SeqNo};
use crate::codec::Writer;

/// A data block that is being filled. Entries must be added in internal-key order.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    keys: Vec<u8>,
    values: Vec<u8>,
    rows: Vec<Pending>,
    prefix_size: usize,
    longest_key: usize,
    smallest_seqno: SeqNo,
    largest_seqno: SeqNo,
}

#[derive(Debug)]
struct Pending {
    key_end: usize,
    value_end: usize,
    seqno: SeqNo,
    kind: Kind,
    fingerprint: u8,
}

impl BlockBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// An upper bound of the payload's size after adding `entry`.
    pub(super) fn size_with(&self, entry: &Entry<'_>) -> usize {
        let prefix_size = self.prefix_size_with(entry.key);
        let longest_suffix = self.longest_key.max(entry.key.len()) - prefix_size;
        let (smallest, largest) = self.seqnos_with(entry.seqno);
        let row_count = self.rows.len() + 1;
        BLOCK_PREFIX
            + prefix_size
            + row_count * (SLOT_LEN + BlockEntry::overhead(longest_suffix, largest.0 - smallest.0))
            + (self.keys.len() + entry.key.len() - row_count * prefix_size)
            + (self.values.len() + entry.value.len())
    }

    /// The approximate size of the payload.
    pub(super) fn size(&self) -> usize {
        self.keys.len() + self.values.len() + self.rows.len() * SLOT_LEN
    }

    pub(super) fn push(&mut self, entry: &Entry<'_>, fingerprint: u8) {
        self.prefix_size = self.prefix_size_with(entry.key);
        (self.smallest_seqno, self.largest_seqno) = self.seqnos_with(entry.seqno);
        self.longest_key = self.longest_key.max(entry.key.len());
        self.keys.extend_from_slice(entry.key);
        self.values.extend_from_slice(entry.value);
        self.rows.push(Pending {
            key_end: self.keys.len(),
            value_end: self.values.len(),
            seqno: entry.seqno,
            kind: entry.kind,
            fingerprint,
        });
    }

    /// The payload of the block, which must not be empty; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let row_count = u16::try_from(self.rows.len()).expect("a block of several rows is below 64 KiB");
        let prefix = &self.first_key()[..self.prefix_size];
        let mut payload = Vec::with_capacity(self.size() + BLOCK_PREFIX + self.rows.len() * 8);
        payload.put_u64(self.smallest_seqno.0);
        payload.put_u16(row_count);
        payload.put_u16(u16::try_from(prefix.len()).expect("keys are limited to what 16 bits count"));
        payload.extend_from_slice(prefix);
        payload.extend(self.rows.iter().map(|row| row.fingerprint));
        let steps = payload.len();
        payload.resize(steps + self.rows.len() * 2, 0);
        self.put_rows(steps, &mut payload);
        *self = Self::emptied(std::mem::take(self));
        payload
    }

    /// Appends the entries after their steps, and fills in the steps.
    fn put_rows(&self, steps: usize, payload: &mut Vec<u8>) {
        let mut start = payload.len();
        let (mut key_start, mut value_start) = (0, 0);
        for (index, pending) in self.rows.iter().enumerate() {
            let step = u16::try_from(payload.len() - start).expect("a block of several rows is below 64 KiB");
            payload[steps + 2 * index..][..2].copy_from_slice(&step.to_le_bytes());
            start = payload.len();
            let row = BlockEntry {
                suffix: &self.keys[key_start + self.prefix_size..pending.key_end],
                seqno: pending.seqno,
                kind: pending.kind,
                value: &self.values[value_start..pending.value_end],
            };
            row.encode(self.smallest_seqno, payload);
            (key_start, value_start) = (pending.key_end, pending.value_end);
        }
    }

    /// An empty builder that reuses the memory of `used`, except what only a huge value needed.
    fn emptied(mut used: Self) -> Self {
        used.keys.clear();
        used.values.clear();
        used.values.shrink_to(MAX_SLOTTED_SIZE);
        used.rows.clear();
        Self { keys: used.keys, values: used.values, rows: used.rows, ..Self::default() }
    }

    fn first_key(&self) -> &[u8] {
        &self.keys[..self.rows.first().map_or(0, |row| row.key_end)]
    }

    fn prefix_size_with(&self, key: &[u8]) -> usize {
        if self.is_empty() {
            return key.len();
        }
        shared_size(&self.first_key()[..self.prefix_size], key)
    }

    fn seqnos_with(&self, seqno: SeqNo) -> (SeqNo, SeqNo) {
        if self.is_empty() {
            return (seqno, seqno);
        }
        (self.smallest_seqno.min(seqno), self.largest_seqno.max(seqno))
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Block;
    use super::*;
    use crate::base::KeyHash;
    use crate::error::Fault;

    fn entry<'a>(key: &'a [u8], seqno: u64, value: &'a [u8]) -> Entry<'a> {
        Entry { key, seqno: SeqNo(seqno), kind: Kind::Put, value }
    }

    fn payload(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut builder = BlockBuilder::default();
        let mut announced = 0;
        for entry in entries {
            announced = builder.size_with(entry);
            builder.push(entry, KeyHash::of(entry.key).fingerprint());
        }
        let payload = builder.finish();
        assert!(payload.len() <= announced && builder.is_empty());
        payload
    }

    #[test]
    fn rows_come_back_with_the_shared_bytes_stored_once() {
        let entries = [
            entry(b"user/1", 9, b"new"),
            entry(b"user/1", 4, b""),
            Entry { kind: Kind::Delete, ..entry(b"user/12", 300, b"") },
            entry(b"user/2", 5, &[7; 300]),
            Entry { kind: Kind::Add, ..entry(b"user/3", 6, &[0xfe; 8]) },
        ];
        let block = Block::new(payload(&entries)).expect("a valid block");
        assert_eq!(block.prefix(), b"user/");
        for (index, entry) in entries.iter().enumerate() {
            let row = block.row(index);
            assert_eq!([block.prefix(), row.suffix].concat(), entry.key);
            assert_eq!((row.seqno, row.kind, row.value), (entry.seqno, entry.kind, entry.value));
            let hash = KeyHash::of(entry.key);
            assert_eq!(block.find(entry.key, hash.fingerprint(), entry.seqno), Some(row));
            assert_eq!(&block.payload()[block.row_and_value_span(index).1], entry.value);
            assert!(block.compare_key(index, entry.key).is_eq());
        }
        let find = |key: &[u8], at| block.find(key, KeyHash::of(key).fingerprint(), SeqNo(at));
        assert_eq!(find(b"user/1", 8).map(|row| row.seqno), Some(SeqNo(4)));
        assert_eq!(find(b"user/1", 3), None);
        assert_eq!(find(b"user/", 9), None);
        assert_eq!(find(b"other", 9), None);
        let bounds =
            [(&b""[..], 0), (b"user/", 0), (b"user/1", 0), (b"user/10", 2), (b"user/2", 3), (b"v", 5)];
        for (key, expected) in bounds {
            assert_eq!(block.lower_bound(key), expected, "{key:?}");
        }
        assert!(block.compare_key(0, b"user").is_gt() && block.compare_key(0, b"v").is_lt());
    }

    #[test]
    fn the_bytes_of_an_add_stay_as_they_are() {
        let number = 2i64.to_le_bytes();
        let add = Entry { kind: Kind::Add, ..entry(b"a", 9, &number) };
        let payload = payload(&[add, entry(b"a", 8, b"")]);
        let rows = BLOCK_PREFIX + 1 + 2 * SLOT_LEN;
        assert_eq!(payload[rows..], [0, 1 << 2 | 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_payload_that_breaks_a_condition_is_refused() {
        let valid = payload(&[entry(b"aa", 9, b"x"), entry(b"ab", 8, b"y")]);
        let rows = BLOCK_PREFIX + 1 + 2 * SLOT_LEN;
        assert_eq!(valid[rows..], [1, 5, b'a', b'x', 1, 1, b'b', b'y']);
        let broken = |at: usize, byte: u8| {
            let mut payload = valid.clone();
            payload[at] = byte;
            Block::new(payload).map(|_| ())
        };
        assert_eq!(broken(0, 8), Ok(()));
        assert_eq!(
            broken(0, 7),
            Ok(()),
            "another base gives other seqnos, which is for the checksum to find"
        );
        assert_eq!(broken(7, 1), Err(Fault::Invalid("sequence number of an entry")));
        assert_eq!(broken(8, 0), Err(Fault::Invalid("row count of a block")));
        assert_eq!(broken(9, 1), Err(Fault::Truncated));
        assert_eq!(broken(11, 1), Err(Fault::Truncated));
        let bad_step = Err(Fault::Invalid("step between rows of a block"));
        assert_eq!(valid[15..19], [0, 0, 4, 0], "steps");
        assert_eq!(broken(15, 1), bad_step, "the first row does not begin at 0");
        assert_eq!(broken(17, 0), bad_step, "the first row is empty");
        assert_eq!(broken(17, 8), bad_step, "the last row is empty");
        assert_eq!(broken(18, 1), bad_step, "the second row lies outside");
        let mut steep = valid.clone();
        steep[15..19].copy_from_slice(&[0xff; 4]);
        assert_eq!(Block::new(steep).map(|_| ()), bad_step, "more than 16 bits");
        assert_eq!(broken(rows, 9), Err(Fault::Truncated));
        assert_eq!(broken(rows + 1, 4), Err(Fault::Invalid("value of a tombstone")));
        assert_eq!(broken(rows + 1, 6), Err(Fault::Truncated), "the value of a pointer is one");
        assert_eq!(broken(rows + 1, 7), Err(Fault::Invalid("value of an add")));
        assert_eq!(broken(rows + 2, b'c'), Err(Fault::Order));
        assert_eq!(broken(rows + 5, 5), Err(Fault::Invalid("smallest sequence number of a block")));
        let large = payload(&[entry(b"aa", 9, b"x"), entry(b"ab", 8, &vec![0; 1 << 16])]);
        assert_eq!(Block::new(large).map(|_| ()), Err(Fault::Invalid("row count of a block")));
        for size in 0..rows + 7 {
            assert!(Block::new(valid[..size].to_vec()).is_err(), "size {size}");
        }
    }
}
