//! Finds the entries of a block whose fingerprint equals that of a key, eight at a time (SIMD
//! within a register).
//!
//! A word of eight fingerprints is compared with eight copies of the searched one: a byte of the
//! difference is zero where they are equal, and subtracting 1 from each byte sets the top bit of
//! the zero ones. A borrow may also set the bit of the byte after a match, so each result is a
//! candidate whose key must be compared; no match is missed.

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

/// The indexes of entries that may match, in order.
pub(super) struct Candidates<'a> {
    fingerprint: u8,
    rest: &'a [u8],
    /// The top bit of each byte that may match, in the current word.
    hits: u64,
    /// The index of the entry of that word's first byte.
    row: usize,
    /// The index of the entry of the next word's first byte.
    next_row: usize,
}

impl<'a> Candidates<'a> {
    #[inline]
    pub(super) fn new(fingerprints: &'a [u8], fingerprint: u8) -> Self {
        Self { fingerprint, rest: fingerprints, hits: 0, row: 0, next_row: 0 }
    }

    /// The next eight fingerprints. The last word is padded with a byte that cannot match.
    #[inline]
    fn take_word(&mut self) -> u64 {
        if let Some((chunk, rest)) = self.rest.split_first_chunk::<8>() {
            self.rest = rest;
            return u64::from_le_bytes(*chunk);
        }
        let mut chunk = [!self.fingerprint; 8];
        chunk[..self.rest.len()].copy_from_slice(self.rest);
        self.rest = &[];
        u64::from_le_bytes(chunk)
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            if self.rest.is_empty() {
                return None;
            }
            let difference = self.take_word() ^ (ONES * u64::from(self.fingerprint));
            self.hits = difference.wrapping_sub(ONES) & !difference & TOPS;
            self.row = self.next_row;
            self.next_row += 8;
        }
        let byte = self.hits.trailing_zeros() as usize / 8;
        self.hits &= self.hits - 1;
        Some(self.row + byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn every_match_is_a_candidate_and_no_candidate_lies_outside(
            fingerprints in proptest::collection::vec(prop_oneof![0u8..4, 0xfcu8.., any::<u8>()], 0..70),
            fingerprint in prop_oneof![0u8..4, 0xfcu8.., any::<u8>()],
        ) {
            let candidates: Vec<usize> = Candidates::new(&fingerprints, fingerprint).collect();
            prop_assert!(candidates.is_sorted_by(|a, b| a < b));
            prop_assert!(candidates.iter().all(|&row| row < fingerprints.len()));
            for (row, &other) in fingerprints.iter().enumerate() {
                prop_assert!(other != fingerprint || candidates.contains(&row), "row {}", row);
            }
        }
    }

    #[test]
    fn unlike_fingerprints_give_nothing() {
        let fingerprints: Vec<u8> = (10..100).collect();
        assert_eq!(Candidates::new(&fingerprints, 7).count(), 0);
        assert_eq!(Candidates::new(&[], 0).count(), 0);
    }
}
