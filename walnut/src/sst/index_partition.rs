//! A stretch of separators that begin alike, searched in memory.
//!
//! ```text
//! key --strip what all separators share--> head u64 --radix table--> a few heads --binary search--> separator
//!                                                                          \--equal heads--> full separators
//! ```
//!
//! A head is the first eight bytes after the shared ones, big-endian, filled up with zeros: unequal heads are
//! ordered as their keys are, equal ones say nothing. The radix table leads from the top bits of a head, counted
//! from the first head on, to the heads that begin so.

use super::block_index::shared_size;
use crate::error::Fault;

/// Separators in order, one at least.
#[derive(Debug)]
pub(super) struct IndexPartition {
    /// What all separators begin with.
    prefix: Box<[u8]>,
    heads: Box<[u64]>,
    /// For each value of the top bits the first head that has it or a higher one; one more at the end.
    radix: Box<[u32]>,
    /// How far a head, less the first one, is shifted to give its top bits.
    shift: u32,
    /// The separators without the prefix, one after the other, and where each ends.
    tails: Box<[u8]>,
    ends: Box<[u32]>,
}

impl IndexPartition {
    /// The stretch of these separators, which are in order.
    pub(super) fn new(separators: &[&[u8]]) -> Result<Self, Fault> {
        let (first, last) = (separators[0], separators[separators.len() - 1]);
        let prefix = &first[..shared_size(first, last)];
        let mut tails = Vec::with_capacity(separators.iter().map(|key| key.len() - prefix.len()).sum());
        let mut ends = Vec::with_capacity(separators.len());
        for separator in separators {
            tails.extend_from_slice(&separator[prefix.len()..]);
            ends.push(u32::try_from(tails.len()).map_err(|_| Fault::Invalid("size of the index"))?);
        }
        let heads: Box<[u64]> = separators.iter().map(|key| head(&key[prefix.len()..])).collect();
        let (radix, shift) = radix_table(&heads);
        Ok(Self { prefix: prefix.into(), heads, radix, shift, tails: tails.into(), ends: ends.into() })
    }

    /// The place of the first separator that is not less than `key`; `None` when all are.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let Some(tail) = key.strip_prefix(&*self.prefix) else {
            return (key < &*self.prefix).then_some(0);
        };
        let head = head(tail);
        if head > self.heads[self.heads.len() - 1] {
            return None;
        }
        let Some(distance) = head.checked_sub(self.heads[0]) else {
            return Some(0);
        };
        let bucket = usize::try_from(distance >> self.shift).expect("no more buckets than the table has");
        let (low, high) = (self.radix[bucket] as usize, self.radix[bucket + 1] as usize);
        let position = low + self.heads[low..high].partition_point(|&other| other < head);
        if self.heads[position] == head { self.find_tied(position, tail) } else { Some(position) }
    }

    /// Whether the separator at a place is this key.
    pub(super) fn is(&self, position: usize, key: &[u8]) -> bool {
        key.strip_prefix(&*self.prefix).is_some_and(|tail| tail == self.tail(position))
    }

    /// The separator at a place.
    pub(super) fn separator(&self, position: usize) -> Vec<u8> {
        [&self.prefix, self.tail(position)].concat()
    }

    /// How many separators there are.
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// What the stretch takes in memory.
    pub(super) fn memory_size(&self) -> usize {
        size_of::<Self>()
            + self.prefix.len()
            + self.tails.len()
            + size_of_val(&*self.heads)
            + size_of_val(&*self.radix)
            + size_of_val(&*self.ends)
    }

    /// As `find`, from the first of the separators whose head is that of `tail`.
    #[cold]
    fn find_tied(&self, first: usize, tail: &[u8]) -> Option<usize> {
        let head = self.heads[first];
        let mut low = first;
        let mut high = first + self.heads[first..].partition_point(|&other| other == head);
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
fn head(tail: &[u8]) -> u64 {
    if let Some(bytes) = tail.first_chunk::<8>() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..tail.len()].copy_from_slice(tail);
    u64::from_be_bytes(bytes)
}

/// The table over heads in order, about one entry for each, and the shift that goes with it.
fn radix_table(heads: &[u64]) -> (Box<[u32]>, u32) {
    let (first, last) = (heads[0], heads[heads.len() - 1]);
    let span_bits = u64::BITS - (last - first).leading_zeros();
    let table_bits = heads.len().next_power_of_two().trailing_zeros();
    let shift = span_bits.saturating_sub(table_bits);
    let bucket =
        |head: u64| usize::try_from((head - first) >> shift).expect("less than twice as many as heads");
    let mut radix = vec![0u32; bucket(last) + 2];
    for &head in heads {
        radix[bucket(head) + 1] += 1;
    }
    let mut sum = 0;
    for count in &mut radix {
        sum += *count;
        *count = sum;
    }
    (radix.into(), shift)
}
