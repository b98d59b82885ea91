//! The block index of an SST: which data block may hold a key, and where it is in the file.
//!
//! ```text
//! on disk    (size, separator) of each block, in order (format.rs)
//! in memory  key --first four bytes--> the partition of its keyspace --> position --> handle
//!
//! in a partition
//! key --strip the common prefix--> key prefix u64 --radix table--> a few prefixes --binary search--> position
//!                                                                    \--equal prefixes--> full separators
//! ```
//!
//! Keys of one keyspace share a long prefix, which is stripped once, and the rest differs early. A
//! file with the end of one keyspace and the beginning of another has an [`IndexPartition`] for
//! each. A key prefix is the first eight bytes after the common ones, big-endian and padded with
//! zeros: unequal key prefixes are ordered as their keys are, equal ones say nothing. The radix
//! table maps the top bits of a key prefix, counted from the first one on, to the key prefixes with
//! these bits.
//!
//! 1. `find` returns the first block whose separator is not less than the key: no earlier block
//!    holds the key, and a later one does only while the separators are equal to the key.
//! 2. Blocks are adjacent, so the sizes alone determine the offsets, and no index can make two
//!    blocks overlap.

use super::format::{BlockHandle, MAX_BLOCK_SIZE, TRAILER_LEN};
use crate::codec::{Reader, Writer};
use crate::crypt::Sealer;
use crate::error::Fault;

/// The separators and the offsets of an SST's data blocks, in order.
#[derive(Debug)]
pub(super) struct BlockIndex {
    /// For each partition the first four bytes of its separators, and its first block.
    partition_starts: Box<[(u32, usize)]>,
    partitions: Box<[IndexPartition]>,
    /// The offset of each block, and the end of the last one.
    offsets: Box<[u64]>,
}

impl BlockIndex {
    pub(super) fn decode(payload: &[u8], sealer: &Sealer, data_end: u64) -> Result<Self, Fault> {
        let trailer_size = TRAILER_LEN + sealer.seal_size();
        let mut reader = Reader::new(payload);
        let mut offset = sealer.header_size() as u64;
        let mut offsets = vec![offset];
        let mut separators = Vec::new();
        while !reader.is_empty() {
            let size = reader.varint()?;
            if size <= trailer_size as u64 || size > (MAX_BLOCK_SIZE + trailer_size) as u64 {
                return Err(Fault::Invalid("size of a block in the index"));
            }
            offset += size;
            // Checked at once, so that the file's size bounds the memory that is allocated here.
            if offset > data_end {
                return Err(Fault::Invalid("end of the blocks in the index"));
            }
            offsets.push(offset);
            separators.push(reader.prefixed()?);
        }
        if offset != data_end {
            return Err(Fault::Invalid("end of the blocks in the index"));
        }
        Self::new(&separators, offsets)
    }

    pub(super) fn encode_block(sealed_size: u32, separator: &[u8], payload: &mut Vec<u8>) {
        payload.put_varint(u64::from(sealed_size));
        payload.put_prefixed(separator);
    }

    /// Builds the index; the separators must be in order. `offsets` has one more. Without
    /// separators nothing is found.
    fn new(separators: &[&[u8]], offsets: Vec<u64>) -> Result<Self, Fault> {
        if !separators.is_sorted() {
            return Err(Fault::Order);
        }
        let mut partition_starts = Vec::new();
        let mut partitions = Vec::new();
        let mut begin = 0;
        for same_start in separators.chunk_by(|one, next| key_start(one) == key_start(next)) {
            partition_starts.push((key_start(same_start[0]), begin));
            partitions.push(IndexPartition::new(same_start)?);
            begin += same_start.len();
        }
        Ok(Self {
            partition_starts: partition_starts.into(),
            partitions: partitions.into(),
            offsets: offsets.into(),
        })
    }

    /// The first block whose separator is not less than `key`; `None` when all are less.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let wanted = key_start(key);
        let index = self.partition_starts.partition_point(|(begin, _)| *begin < wanted);
        let &(begin, first) = self.partition_starts.get(index)?;
        if begin > wanted {
            return Some(first);
        }
        match self.partitions[index].find(key) {
            Some(found) => Some(first + found),
            None => self.partition_starts.get(index + 1).map(|(_, first)| *first),
        }
    }

    pub(super) fn is(&self, position: usize, key: &[u8]) -> bool {
        let (partition, index) = self.locate(position);
        partition.is(index, key)
    }

    pub(super) fn separator(&self, position: usize) -> Vec<u8> {
        let (partition, index) = self.locate(position);
        partition.separator(index)
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn handle(&self, position: usize) -> BlockHandle {
        let offset = self.offsets[position];
        let size =
            u32::try_from(self.offsets[position + 1] - offset).expect("each size was read as one of a block");
        BlockHandle { offset, size }
    }

    pub(super) fn data_end(&self) -> u64 {
        self.offsets[self.offsets.len() - 1]
    }

    pub(super) fn memory_size(&self) -> usize {
        size_of_val(&*self.partition_starts)
            + size_of_val(&*self.offsets)
            + self.partitions.iter().map(IndexPartition::memory_size).sum::<usize>()
    }

    /// The partition of a block, and the block's index in it.
    fn locate(&self, position: usize) -> (&IndexPartition, usize) {
        let index = self.partition_starts.partition_point(|(_, first)| *first <= position) - 1;
        (&self.partitions[index], position - self.partition_starts[index].1)
    }
}

/// Separators in order, at least one.
#[derive(Debug)]
struct IndexPartition {
    /// The common prefix of all separators.
    prefix: Box<[u8]>,
    key_prefixes: Box<[u64]>,
    /// For each value of the top bits the first key prefix with it or a higher one; one more at the
    /// end.
    radix: Box<[u32]>,
    /// The right shift that leaves the top bits of a key prefix, less the first one.
    shift: u32,
    /// The separators without the common prefix, concatenated, and where each ends.
    tails: Box<[u8]>,
    ends: Box<[u32]>,
}

impl IndexPartition {
    /// Builds a partition; the separators must be in order and not empty.
    fn new(separators: &[&[u8]]) -> Result<Self, Fault> {
        let (first, last) = (separators[0], separators[separators.len() - 1]);
        let prefix = &first[..shared_size(first, last)];
        let mut tails = Vec::with_capacity(separators.iter().map(|key| key.len() - prefix.len()).sum());
        let mut ends = Vec::with_capacity(separators.len());
        for separator in separators {
            tails.extend_from_slice(&separator[prefix.len()..]);
            ends.push(u32::try_from(tails.len()).map_err(|_| Fault::Invalid("size of the index"))?);
        }
        let key_prefixes: Box<[u64]> =
            separators.iter().map(|key| key_prefix(&key[prefix.len()..])).collect();
        let (radix, shift) = radix_table(&key_prefixes);
        Ok(Self { prefix: prefix.into(), key_prefixes, radix, shift, tails: tails.into(), ends: ends.into() })
    }

    /// The index of the first separator that is not less than `key`; `None` when all are less.
    #[inline]
    fn find(&self, key: &[u8]) -> Option<usize> {
        let Some(tail) = key.strip_prefix(&*self.prefix) else {
            return (key < &*self.prefix).then_some(0);
        };
        let key_prefix = key_prefix(tail);
        if key_prefix > self.key_prefixes[self.key_prefixes.len() - 1] {
            return None;
        }
        let Some(distance) = key_prefix.checked_sub(self.key_prefixes[0]) else {
            return Some(0);
        };
        let bucket = usize::try_from(distance >> self.shift).expect("no more buckets than the table has");
        let (low, high) = (self.radix[bucket] as usize, self.radix[bucket + 1] as usize);
        let position = low + self.key_prefixes[low..high].partition_point(|&other| other < key_prefix);
        if self.key_prefixes[position] == key_prefix {
            self.find_tied(position, tail)
        } else {
            Some(position)
        }
    }

    fn is(&self, position: usize, key: &[u8]) -> bool {
        key.strip_prefix(&*self.prefix).is_some_and(|tail| tail == self.tail(position))
    }

    fn separator(&self, position: usize) -> Vec<u8> {
        [&self.prefix, self.tail(position)].concat()
    }

    fn len(&self) -> usize {
        self.key_prefixes.len()
    }

    fn memory_size(&self) -> usize {
        size_of::<Self>()
            + self.prefix.len()
            + self.tails.len()
            + size_of_val(&*self.key_prefixes)
            + size_of_val(&*self.radix)
            + size_of_val(&*self.ends)
    }

    /// Like `find`, among the separators whose key prefix is that of `tail`, from the first of them
    /// on.
    #[cold]
    fn find_tied(&self, first: usize, tail: &[u8]) -> Option<usize> {
        let key_prefix = self.key_prefixes[first];
        let mut low = first;
        let mut high = first + self.key_prefixes[first..].partition_point(|&other| other == key_prefix);
        while low < high {
            let middle = low.midpoint(high);
            if self.tail(middle) < tail {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.len()).then_some(low)
    }

    fn tail(&self, position: usize) -> &[u8] {
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.tails[start..self.ends[position] as usize]
    }
}

/// The first eight bytes as a number that sorts as they do.
#[inline]
fn key_prefix(tail: &[u8]) -> u64 {
    if let Some(bytes) = tail.first_chunk::<8>() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..tail.len()].copy_from_slice(tail);
    u64::from_be_bytes(bytes)
}

/// The radix table of sorted key prefixes, with about one entry for each, and its shift.
fn radix_table(key_prefixes: &[u64]) -> (Box<[u32]>, u32) {
    let (first, last) = (key_prefixes[0], key_prefixes[key_prefixes.len() - 1]);
    let span_bits = u64::BITS - (last - first).leading_zeros();
    let table_bits = key_prefixes.len().next_power_of_two().trailing_zeros();
    let shift = span_bits.saturating_sub(table_bits);
    let bucket = |key_prefix: u64| {
        usize::try_from((key_prefix - first) >> shift).expect("less than twice as many as key_prefixes")
    };
    let mut radix = vec![0u32; bucket(last) + 2];
    for &key_prefix in key_prefixes {
        radix[bucket(key_prefix) + 1] += 1;
    }
    let mut sum = 0;
    for count in &mut radix {
        sum += *count;
        *count = sum;
    }
    (radix.into(), shift)
}

/// The first four bytes as a number, padded with zeros; it sorts as the keys do, but different keys
/// may have the same number.
#[inline]
fn key_start(key: &[u8]) -> u32 {
    if let Some(bytes) = key.first_chunk() {
        return u32::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 4];
    bytes[..key.len()].copy_from_slice(key);
    u32::from_be_bytes(bytes)
}

/// A short key that separates a block from the next: at least `last`, and less than `next` unless
/// the two are equal.
pub(super) fn separator<'a>(last: &'a [u8], next: &'a [u8]) -> &'a [u8] {
    let shared = shared_size(last, next);
    if shared + 1 < next.len() { &next[..=shared] } else { last }
}

/// The size of the common prefix of two keys.
pub(super) fn shared_size(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        let text = (prop_oneof!["https://example.com/a/", "https://example.com/b", "h", ""], "[abc]{0,4}")
            .prop_map(|(head, tail)| [head.as_bytes(), tail.as_bytes()].concat());
        let number = prop_oneof![0u64..50, any::<u64>()].prop_map(|n| n.to_be_bytes().to_vec());
        let row = (0u32..3, 0u64..5000)
            .prop_map(|(space, id)| [&space.to_be_bytes()[..], &id.to_be_bytes()].concat());
        prop_oneof![4 => text, 2 => number, 4 => row, 1 => vec(prop_oneof![Just(0u8), Just(1), Just(255)], 0..12)]
    }

    fn index_of(separators: &[&[u8]]) -> Result<BlockIndex, Fault> {
        BlockIndex::new(separators, vec![0; separators.len() + 1])
    }

    fn check(separators: &[Vec<u8>], probes: &[Vec<u8>]) {
        let borrowed: Vec<&[u8]> = separators.iter().map(Vec::as_slice).collect();
        let index = index_of(&borrowed).expect("separators in order");
        for probe in probes.iter().chain(separators) {
            let position = borrowed.partition_point(|separator| *separator < probe.as_slice());
            assert_eq!(index.find(probe), (position < borrowed.len()).then_some(position), "{probe:?}");
        }
        for (position, separator) in borrowed.iter().enumerate() {
            assert_eq!(index.separator(position), *separator);
            assert!(index.is(position, separator) && !index.is(position, &[separator, &b"0"[..]].concat()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn the_index_finds_what_a_plain_binary_search_finds(
            mut separators in vec(key(), 1..60),
            probes in vec(key(), 0..40),
        ) {
            separators.sort();
            check(&separators, &probes);
        }

        #[test]
        fn a_separator_separates(last in key(), next in key()) {
            let (last, next) = if last <= next { (last, next) } else { (next, last) };
            let separator = separator(&last, &next);
            prop_assert!(last.as_slice() <= separator && (separator < next.as_slice() || last == next));
            prop_assert!(separator.len() <= last.len().max(next.len()));
        }
    }

    #[test]
    fn many_even_separators_are_found_through_the_table() {
        let key = |id: u64| [&[0, 0, 0, 9][..], &id.to_be_bytes()].concat();
        let separators: Vec<Vec<u8>> = (0..5000).map(|id| key(id * 46 + 45)).collect();
        let probes: Vec<Vec<u8>> = (0..5000 * 46 + 3).step_by(7).map(key).collect();
        check(&separators, &probes);
    }

    #[test]
    fn separators_out_of_order_are_refused_and_without_any_nothing_is_found() {
        assert!(matches!(index_of(&[b"b", b"a"]), Err(Fault::Order)));
        let none = index_of(&[]).expect("no separators");
        assert_eq!((none.len(), none.find(b""), none.find(b"a")), (0, None, None));
    }

    fn payload(blocks: &[(u32, &[u8])]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (size, separator) in blocks {
            BlockIndex::encode_block(*size, separator, &mut payload);
        }
        payload
    }

    fn decode(payload: &[u8], data_end: u64) -> Result<BlockIndex, Fault> {
        BlockIndex::decode(payload, &Sealer::checksummed(7), data_end)
    }

    #[test]
    fn blocks_lie_where_the_sizes_say() {
        let index = decode(&payload(&[(100, b"b"), (50, b"d"), (300, b"d")]), 514).expect("a valid index");
        assert_eq!(index.len(), 3);
        let handles: Vec<_> = (0..3).map(|position| index.handle(position)).collect();
        assert_eq!(handles[0], BlockHandle { offset: 64, size: 100 });
        assert_eq!(handles[2], BlockHandle { offset: 214, size: 300 });
    }

    #[test]
    fn an_index_that_does_not_fit_the_file_is_refused() {
        let refused = |blocks: &[(u32, &[u8])], end| decode(&payload(blocks), end).map(|_| ());
        let end: Result<(), Fault> = Err(Fault::Invalid("end of the blocks in the index"));
        assert_eq!(refused(&[(100, b"b")], 164), Ok(()));
        assert_eq!(refused(&[(100, b"b")], 163), end);
        assert_eq!(refused(&[(100, b"b")], 165), end);
        assert_eq!((refused(&[], 64), refused(&[], 65)), (Ok(()), end.clone()));
        assert_eq!(refused(&[(9, b"b")], 73), Err(Fault::Invalid("size of a block in the index")));
        assert_eq!(
            refused(&[(u32::MAX, b"b")], u64::MAX),
            Err(Fault::Invalid("size of a block in the index"))
        );
        assert_eq!(refused(&[(50, b"b"), (50, b"a")], 164), Err(Fault::Order));
        let whole = payload(&[(100, b"b")]);
        assert_eq!(decode(&whole[..whole.len() - 1], 164).map(|_| ()), Err(Fault::Truncated));
    }
}
