//! Finds the data block that may hold a key: the separators of an SST, searched in memory.
//!
//! ```text
//! key --strip what all separators share--> head u64 --radix table--> a few heads --binary search--> block
//!                                                                          \--equal heads--> full separators
//! ```
//!
//! A head is the first eight bytes after the shared ones, big-endian, filled up with zeros: unequal heads are
//! ordered as their keys are, equal ones say nothing. The radix table leads from the top bits of a head, counted
//! from the first head on, to the heads that begin so.
//!
//! 1. `find` gives the first block whose separator is not less than the key: no earlier one holds the key, and a
//!    later one only when separators from there on are the key itself.
//! 2. The form is of memory alone; on disk there are the separators (format.rs).

use crate::error::Fault;

/// The separators of an SST's data blocks, in order.
#[derive(Debug)]
pub(super) struct Fences {
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

impl Fences {
    /// The fences with these separators, which must be in order. Where there are none, nothing is found.
    pub(super) fn new(separators: &[&[u8]]) -> Result<Self, Fault> {
        let first = separators.first().copied().unwrap_or_default();
        let last = separators.last().copied().unwrap_or_default();
        if !separators.is_sorted() {
            return Err(Fault::Order);
        }
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

    /// The first block whose separator is not less than `key`; `None` when all are.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let Some(tail) = key.strip_prefix(&*self.prefix) else {
            return (key < &*self.prefix).then_some(0);
        };
        let head = head(tail);
        if self.heads.last().is_none_or(|&last| head > last) {
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

    /// Whether the separator of a block is this key.
    pub(super) fn is(&self, position: usize, key: &[u8]) -> bool {
        key.strip_prefix(&*self.prefix).is_some_and(|tail| tail == self.tail(position))
    }

    /// The separator of a block.
    pub(super) fn separator(&self, position: usize) -> Vec<u8> {
        [&self.prefix, self.tail(position)].concat()
    }

    /// How many separators, and so blocks, there are.
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// What the fences take in memory.
    pub(super) fn memory_size(&self) -> usize {
        self.prefix.len()
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

/// The key that separates a block from the next: at least `last`, less than `next` unless the two are equal, and short.
pub(super) fn separator<'a>(last: &'a [u8], next: &'a [u8]) -> &'a [u8] {
    let shared = shared_size(last, next);
    if shared + 1 < next.len() { &next[..=shared] } else { last }
}

/// How many bytes two keys share at their beginning.
pub(super) fn shared_size(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
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
    let (Some(&first), Some(&last)) = (heads.first(), heads.last()) else { return (Box::default(), 0) };
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
        let fences = Fences::new(&borrowed).expect("separators in order");
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
        assert!(matches!(Fences::new(&[b"b", b"a"]), Err(Fault::Order)));
        let none = Fences::new(&[]).expect("no separators");
        assert_eq!((none.len(), none.find(b""), none.find(b"a")), (0, None, None));
    }
}
