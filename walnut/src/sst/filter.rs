//! The filter of an SST: rules out most absent keys with one access to memory.
//!
//! A blocked Bloom filter: the low half of a key's hash selects a line of 64 bytes, its product
//! with an odd constant selects the bits in it (format.rs). The fingerprints in blocks are the
//! hash's top byte, which does not affect the line.
//!
//! 1. There are no false negatives.
//! 2. With ten bits per key, the false-positive rate is below 2 %.

use super::format::{FILTER_HEAD_LEN, FILTER_LINE_LEN, MAX_PART_SIZE};
use crate::base::KeyHash;
use crate::codec::{Reader, Writer};
use crate::error::Fault;

/// Each probe takes nine bits of a 64-bit product.
const MAX_PROBE_COUNT: u32 = 7;
const PROBE_BITS: u32 = 9;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const MAX_LINE_COUNT: usize = (MAX_PART_SIZE - FILTER_HEAD_LEN) / FILTER_LINE_LEN;

const _: () = assert!(1 << PROBE_BITS == FILTER_LINE_LEN * 8);
const _: () = assert!(MAX_PROBE_COUNT * PROBE_BITS <= u64::BITS);

/// A line of the filter, aligned to a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct FilterLine([u64; FILTER_LINE_LEN / 8]);

#[derive(Debug)]
pub(super) struct Filter {
    probe_count: u32,
    lines: Box<[FilterLine]>,
}

impl Filter {
    pub(super) fn build(hashes: &[KeyHash], bits_per_key: u32) -> Self {
        let bit_count = hashes.len().saturating_mul(bits_per_key as usize);
        let line_count = bit_count.div_ceil(FILTER_LINE_LEN * 8).clamp(1, MAX_LINE_COUNT);
        // The false-positive rate is least with bits per key times ln 2 probes.
        let probe_count = (bits_per_key * 69 / 100).clamp(1, MAX_PROBE_COUNT);
        let mut filter = Self { probe_count, lines: vec![FilterLine::default(); line_count].into() };
        for &hash in hashes {
            let line = filter.line_of(hash);
            for (word, bit) in probes(hash, probe_count) {
                filter.lines[line].0[word] |= bit;
            }
        }
        filter
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, Fault> {
        let (head, lines) = payload.split_first_chunk::<FILTER_HEAD_LEN>().ok_or(Fault::Truncated)?;
        let probe_count = u32::from(head[0]);
        if probe_count == 0 || probe_count > MAX_PROBE_COUNT || head[1..] != [0; FILTER_HEAD_LEN - 1] {
            return Err(Fault::Invalid("probe count of the filter"));
        }
        let (lines, []) = lines.as_chunks::<FILTER_LINE_LEN>() else {
            return Err(Fault::Invalid("size of the filter"));
        };
        if lines.is_empty() {
            return Err(Fault::Invalid("size of the filter"));
        }
        let lines = lines.iter().map(|bytes| {
            let mut reader = Reader::new(bytes);
            let mut line = FilterLine::default();
            for word in &mut line.0 {
                *word = reader.u64()?;
            }
            Ok(line)
        });
        Ok(Self { probe_count, lines: lines.collect::<Result<_, Fault>>()? })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(FILTER_HEAD_LEN + self.lines.len() * FILTER_LINE_LEN);
        payload.put_u64(u64::from(self.probe_count));
        for word in self.lines.iter().flat_map(|line| line.0) {
            payload.put_u64(word);
        }
        payload
    }

    /// Returns whether the key with this hash may be present.
    #[inline]
    pub(super) fn may_contain(&self, hash: KeyHash) -> bool {
        let line = &self.lines[self.line_of(hash)].0;
        // All probes are in one cache line that is loaded anyway: testing each costs less than a
        // branch after each.
        let missing =
            probes(hash, self.probe_count).fold(0, |missing, (word, bit)| missing | (!line[word] & bit));
        missing == 0
    }

    #[inline]
    pub(super) fn prefetch(&self, hash: KeyHash) -> u64 {
        self.lines[self.line_of(hash)].0[0]
    }

    pub(super) fn memory_size(&self) -> usize {
        size_of_val(&*self.lines)
    }

    #[inline]
    fn line_of(&self, hash: KeyHash) -> usize {
        let low_half = hash.0 & u64::from(u32::MAX);
        usize::try_from((low_half * self.lines.len() as u64) >> 32).expect("less than the line count")
    }
}

/// The bits of a key: word in the line, and bit in the word.
#[inline]
fn probes(hash: KeyHash, count: u32) -> impl Iterator<Item = (usize, u64)> {
    let product = hash.0.wrapping_mul(MULTIPLIER);
    (0..count).map(move |probe| {
        let bit = (product << (probe * PROBE_BITS)) >> (u64::BITS - PROBE_BITS);
        // The shift leaves nine bits, so the word is one of eight.
        ((bit >> 6).to_le_bytes()[0].into(), 1 << (bit & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(range: std::ops::Range<u64>) -> Vec<KeyHash> {
        range.map(|id| KeyHash::of(&[&[0, 0, 0, 9][..], &id.to_be_bytes()].concat())).collect()
    }

    #[test]
    fn no_key_is_denied_and_less_than_two_in_a_hundred_strangers_pass() {
        for (count, limit) in [(1, 1), (50, 400), (50_000, 400)] {
            let filter = Filter::build(&hashes(0..count), 10);
            let filter = Filter::decode(&filter.encode()).expect("a valid filter");
            assert!(hashes(0..count).into_iter().all(|hash| filter.may_contain(hash)));
            let passed =
                hashes(1 << 40..(1 << 40) + 20_000).into_iter().filter(|&hash| filter.may_contain(hash));
            let passed = passed.count();
            assert!(passed < limit, "{passed} of 20000 pass with {count} keys");
        }
    }

    #[test]
    fn strangers_that_pass_still_have_every_fingerprint() {
        let filter = Filter::build(&hashes(0..50_000), 10);
        let strangers =
            hashes(1 << 40..(1 << 40) + 200_000).into_iter().filter(|&hash| filter.may_contain(hash));
        let mut counts = [0u32; 256];
        for stranger in strangers {
            counts[usize::from(stranger.fingerprint())] += 1;
        }
        let sum: u32 = counts.iter().sum();
        assert!(counts.iter().all(|&count| count < sum / 256 * 4), "{counts:?}");
    }

    #[test]
    fn more_bits_let_fewer_strangers_pass_and_none_is_a_valid_number() {
        let pass = |bits| {
            let filter = Filter::build(&hashes(0..10_000), bits);
            hashes(1 << 40..(1 << 40) + 20_000).into_iter().filter(|&hash| filter.may_contain(hash)).count()
        };
        let counts = [pass(1), pass(4), pass(8), pass(16), pass(64)];
        assert!(counts.is_sorted_by(|a, b| a > b || *b < 40), "{counts:?}");
    }

    #[test]
    fn a_payload_that_is_no_filter_is_refused() {
        let valid = Filter::build(&hashes(0..100), 10).encode();
        let broken = |at: usize, byte: u8| {
            let mut payload = valid.clone();
            payload[at] = byte;
            Filter::decode(&payload).map(|_| ())
        };
        assert_eq!(broken(0, 7), Ok(()));
        for (at, byte) in [(0, 0), (0, 8), (1, 1), (7, 1)] {
            assert_eq!(broken(at, byte), Err(Fault::Invalid("probe count of the filter")));
        }
        assert_eq!(Filter::decode(&valid[..7]).map(|_| ()), Err(Fault::Truncated));
        assert_eq!(Filter::decode(&valid[..8]).map(|_| ()), Err(Fault::Invalid("size of the filter")));
        assert_eq!(
            Filter::decode(&valid[..valid.len() - 1]).map(|_| ()),
            Err(Fault::Invalid("size of the filter"))
        );
    }
}
