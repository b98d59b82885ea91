//! A partition of the block index: separators with the same first bytes, searched in memory.
//!
//! ```text
//! key --strip the common prefix--> key prefix u64 --radix table--> a few prefixes --binary search--> separator
//!                                                                     \--equal prefixes--> full separators
//! ```
//!
//! A key prefix is the first eight bytes after the common ones, big-endian and padded with zeros:
//! unequal key prefixes are ordered as their keys are, equal ones say nothing. The radix table maps
//! the top bits of a key prefix, counted from the first one on, to the key prefixes with these
//! bits.

use crate::error::Fault;

/// Separators in order, at least one.
#[derive(Debug)]
pub(super) struct IndexPartition {
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
    pub(super) fn new(separators: &[&[u8]]) -> Result<Self, Fault> {
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
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
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

    /// Whether the separator at an index equals the key.
    pub(super) fn is(&self, position: usize, key: &[u8]) -> bool {
        key.strip_prefix(&*self.prefix).is_some_and(|tail| tail == self.tail(position))
    }

    pub(super) fn separator(&self, position: usize) -> Vec<u8> {
        [&self.prefix, self.tail(position)].concat()
    }

    pub(super) fn len(&self) -> usize {
        self.key_prefixes.len()
    }

    pub(super) fn memory_size(&self) -> usize {
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

/// The size of the common prefix of two keys.
pub(super) fn shared_size(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
