//! The block index in memory: finds the data block that may hold a key by the separators of an SST.
//!
//! ```text
//! key --first four bytes--> the partition of its keyspace --> block
//! ```
//!
//! Keys of one keyspace share a long prefix, which is stripped once, and the rest differs early. A
//! file with the end of one keyspace and the beginning of another has an [`IndexPartition`] for
//! each.
//!
//! 1. `find` returns the first block whose separator is not less than the key: no earlier block
//!    holds the key, and a later one does only while the separators are equal to the key.
//! 2. This form exists in memory only; the file has the separators (format.rs).

use super::index_partition::{IndexPartition, shared_size};
use crate::error::Fault;

/// The separators of an SST's data blocks, in order.
#[derive(Debug)]
pub(super) struct BlockIndex {
    /// For each partition the first four bytes of its separators, and its first block.
    partition_starts: Box<[(u32, usize)]>,
    partitions: Box<[IndexPartition]>,
    count: usize,
}

impl BlockIndex {
    /// Builds the index; the separators must be in order. Without separators nothing is found.
    pub(super) fn new(separators: &[&[u8]]) -> Result<Self, Fault> {
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
        Ok(Self { partition_starts: partition_starts.into(), partitions: partitions.into(), count: begin })
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

    /// Whether the separator of a block equals the key.
    pub(super) fn is(&self, position: usize, key: &[u8]) -> bool {
        let (partition, index) = self.locate(position);
        partition.is(index, key)
    }

    pub(super) fn separator(&self, position: usize) -> Vec<u8> {
        let (partition, index) = self.locate(position);
        partition.separator(index)
    }

    /// The number of separators, which is that of the blocks.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn memory_size(&self) -> usize {
        size_of_val(&*self.partition_starts)
            + self.partitions.iter().map(IndexPartition::memory_size).sum::<usize>()
    }

    /// The partition of a block, and the block's index in it.
    fn locate(&self, position: usize) -> (&IndexPartition, usize) {
        let index = self.partition_starts.partition_point(|(_, first)| *first <= position) - 1;
        (&self.partitions[index], position - self.partition_starts[index].1)
    }
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

    fn check(separators: &[Vec<u8>], probes: &[Vec<u8>]) {
        let borrowed: Vec<&[u8]> = separators.iter().map(Vec::as_slice).collect();
        let fences = BlockIndex::new(&borrowed).expect("separators in order");
        for probe in probes.iter().chain(separators) {
            let position = borrowed.partition_point(|separator| *separator < probe.as_slice());
            assert_eq!(fences.find(probe), (position < borrowed.len()).then_some(position), "{probe:?}");
        }
        for (position, separator) in borrowed.iter().enumerate() {
            assert_eq!(fences.separator(position), *separator);
            assert!(fences.is(position, separator) && !fences.is(position, &[separator, &b"0"[..]].concat()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn fences_find_what_a_plain_binary_search_finds(
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
        assert!(matches!(BlockIndex::new(&[b"b", b"a"]), Err(Fault::Order)));
        let none = BlockIndex::new(&[]).expect("no separators");
        assert_eq!((none.len(), none.find(b""), none.find(b"a")), (0, None, None));
    }
}
