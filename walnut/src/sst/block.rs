//! A data block in memory: entries are found by fingerprint or by binary search, and read in place.
//!
//! ```text
//! get:   fingerprints -> candidates -> compare key -> entry         scan:  binary search -> entry, entry, ..
//! ```
//!
//! 1. A `Block` exists only for a payload that meets conditions 1 to 5 of format.rs, so its entries
//!    are decoded without errors afterwards. (Condition 6, the fingerprints, is checked by
//!    verification.)
//! 2. Its payload is the one on disk, with each step replaced by an offset.
//! 3. It is immutable, except for the flag that tells the cache that it was used.

use std::cmp::Ordering;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::cache::slab::{SlabCell, Slabs};
use super::format::{
    BLOCK_BASE, BLOCK_PREFIX, BLOCK_PREFIX_SIZE, BLOCK_ROWS, BlockEntry, MAX_SLOTTED_SIZE, SLOT_LEN,
};
use crate::base::{Kind, SeqNo, number_in};
use crate::codec::{Reader, ValuePointer};
use crate::error::Fault;

/// The size of a cache line, and the most of them that are prefetched of one entry.
const CACHE_LINE: usize = 64;
const MAX_LINES: usize = 4;

/// The lowest and the highest bit of each of eight fingerprints.
const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

const BAD_STEP: Fault = Fault::Invalid("step between rows of a block");

#[derive(Debug)]
pub(super) struct Block {
    payload: SlabCell,
    base: SeqNo,
    row_count: usize,
    /// The offset of the fingerprints, where the prefix ends.
    fingerprints: usize,
    /// The offset of the entries, where their offsets end.
    rows: usize,
    /// Whether no two entries are versions of one key.
    distinct: bool,
    /// The highest sequence number, if every entry is a value and no two have the same key.
    live_at: Option<SeqNo>,
    used: AtomicBool,
}

impl Block {
    /// Checks the payload and decodes its offsets.
    pub(super) fn new(mut payload: Vec<u8>) -> Result<Self, Fault> {
        if payload.len() < BLOCK_PREFIX {
            return Err(Fault::Truncated);
        }
        let base = SeqNo(Reader::new(&payload[BLOCK_BASE]).u64()?);
        let row_count = usize::from(Reader::new(&payload[BLOCK_ROWS]).u16()?);
        let fingerprints = BLOCK_PREFIX + usize::from(Reader::new(&payload[BLOCK_PREFIX_SIZE]).u16()?);
        let rows = fingerprints + row_count * SLOT_LEN;
        if row_count == 0 || row_count > 1 && payload.len() > MAX_SLOTTED_SIZE {
            return Err(Fault::Invalid("row count of a block"));
        }
        if rows > payload.len() {
            return Err(Fault::Truncated);
        }
        steps_to_offsets(&mut payload[fingerprints + row_count..rows])?;
        let payload = SlabCell::from(payload);
        let used = AtomicBool::new(false);
        let mut block =
            Self { payload, base, row_count, fingerprints, rows, distinct: true, live_at: None, used };
        let checked = block.check()?;
        block.distinct = checked.distinct;
        block.live_at = (checked.distinct && checked.has_values_only).then_some(checked.newest);
        Ok(block)
    }

    /// The same block in a cell of a slab; `None` when there is none for it.
    pub(super) fn copy_to(&self, slabs: &Arc<Slabs>) -> Option<Self> {
        let Self { base, row_count, fingerprints, rows, distinct, live_at, .. } = *self;
        let payload = slabs.copy(&self.payload)?;
        let used = AtomicBool::new(false);
        Some(Self { payload, base, row_count, fingerprints, rows, distinct, live_at, used })
    }

    /// The newest version of `key` in this block that is not newer than `at`.
    #[inline]
    pub(super) fn find(&self, key: &[u8], fingerprint: u8, at: SeqNo) -> Option<BlockEntry<'_>> {
        // The end of the offsets is needed next, some cache lines further on: its load overlaps
        // with the first.
        black_box(self.payload[self.rows - 1]);
        let suffix = key.strip_prefix(self.prefix())?;
        Candidates::new(self.fingerprints(), fingerprint)
            .map(|row| self.row(row))
            .find(|row| row.suffix == suffix && row.seqno <= at)
    }

    /// Prefetches the fingerprints and the end of the offsets; see `multi_get`.
    #[inline]
    pub(super) fn prefetch(&self) -> u8 {
        self.payload[self.fingerprints] ^ self.payload[self.rows - 1]
    }

    /// Prefetches the first entry with this fingerprint: one byte of each cache line.
    #[inline]
    pub(super) fn prefetch_row(&self, fingerprint: u8) -> u8 {
        let row = Candidates::new(self.fingerprints(), fingerprint).next();
        let bytes = row.map(|row| &self.payload[self.span(row)]);
        bytes.map_or(0, |bytes| {
            bytes.iter().step_by(CACHE_LINE).take(MAX_LINES).fold(0, |sum, byte| sum ^ byte)
        })
    }

    /// The index of the first entry whose key is not less than `key`; the entry count when there is
    /// none.
    pub(super) fn lower_bound(&self, key: &[u8]) -> usize {
        let prefix = self.prefix();
        let Some(suffix) = key.strip_prefix(prefix) else {
            return if key < prefix { 0 } else { self.row_count };
        };
        let (mut low, mut high) = (0, self.row_count);
        while low < high {
            let middle = low.midpoint(high);
            if self.row(middle).suffix < suffix {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The entry at `index`, which must be less than [`Block::row_count`].
    #[inline]
    pub(super) fn row(&self, index: usize) -> BlockEntry<'_> {
        BlockEntry::decode(self.base, &self.payload[self.span(index)])
            .expect("a block is made of valid rows only")
    }

    /// The entry at `index`, and the span of its value in [`Block::payload`].
    #[inline(always)]
    pub(super) fn row_and_value_span(&self, index: usize) -> (BlockEntry<'_>, Range<usize>) {
        let span = self.span(index);
        let end = span.end;
        let row =
            BlockEntry::decode(self.base, &self.payload[span]).expect("a block is made of valid rows only");
        (row, end - row.value.len()..end)
    }

    #[inline]
    pub(super) fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// Whether a reader at this sequence number sees every entry, range tombstones aside. Versions
    /// of the first and the last key in neighbouring blocks are not considered.
    #[inline]
    pub(super) fn is_live(&self, at: SeqNo) -> bool {
        self.live_at.is_some_and(|newest| newest <= at)
    }

    pub(super) fn row_count(&self) -> usize {
        self.row_count
    }

    #[inline]
    pub(super) fn prefix(&self) -> &[u8] {
        &self.payload[BLOCK_PREFIX..self.fingerprints]
    }

    pub(super) fn fingerprints(&self) -> &[u8] {
        &self.payload[self.fingerprints..self.fingerprints + self.row_count]
    }

    #[inline]
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn memory_size(&self) -> usize {
        size_of::<Self>() + self.payload.memory_size()
    }

    /// Marks the block as used. The flag is written only when it changes, so that readers share its
    /// cache line.
    #[inline]
    pub(super) fn touch(&self) {
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.used.load(Relaxed)
    }

    /// Returns and clears the mark of [`touch`](Self::touch).
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Relaxed)
    }

    pub(super) fn compare_key(&self, index: usize, key: &[u8]) -> Ordering {
        match key.split_at_checked(self.prefix().len()) {
            Some((head, rest)) => self.prefix().cmp(head).then_with(|| self.row(index).suffix.cmp(rest)),
            // A key that is no longer than the prefix cannot be equal, so the prefix alone decides.
            None => self.prefix().cmp(key),
        }
    }

    /// The span of an entry in the payload.
    #[inline(always)]
    fn span(&self, index: usize) -> Range<usize> {
        let start = self.rows + self.offset(index);
        let end =
            if index + 1 < self.row_count { self.rows + self.offset(index + 1) } else { self.payload.len() };
        start..end
    }

    #[inline(always)]
    fn offset(&self, index: usize) -> usize {
        let at = self.fingerprints + self.row_count + 2 * index;
        usize::from(u16::from_le_bytes([self.payload[at], self.payload[at + 1]]))
    }

    /// Checks conditions 2 to 4 of format.rs, and summarizes the entries.
    fn check(&self) -> Result<Checked, Fault> {
        if self.offset(0) != 0 {
            return Err(BAD_STEP);
        }
        let mut smallest = SeqNo::MAX;
        let mut checked = Checked { distinct: true, has_values_only: true, newest: SeqNo::ZERO };
        let mut previous: Option<BlockEntry<'_>> = None;
        for index in 0..self.row_count {
            let span = self.span(index);
            let row = match self.payload.get(span.clone()) {
                Some(bytes) if span.start < span.end => BlockEntry::decode(self.base, bytes)?,
                _ => return Err(BAD_STEP),
            };
            if row.kind == Kind::Delete && !row.value.is_empty() {
                return Err(Fault::Invalid("value of a tombstone"));
            }
            if row.kind == Kind::Pointer {
                ValuePointer::decode(row.value)?;
            }
            if row.kind == Kind::Add && number_in(row.value).is_none() {
                return Err(Fault::Invalid("value of an add"));
            }
            match previous.map(|previous| (previous.suffix.cmp(row.suffix), previous.seqno)) {
                None | Some((Ordering::Less, _)) => {}
                Some((Ordering::Equal, newer)) if newer > row.seqno => checked.distinct = false,
                Some(_) => return Err(Fault::Order),
            }
            checked.has_values_only &= row.kind.is_value();
            checked.newest = checked.newest.max(row.seqno);
            smallest = smallest.min(row.seqno);
            previous = Some(row);
        }
        if smallest == self.base {
            Ok(checked)
        } else {
            Err(Fault::Invalid("smallest sequence number of a block"))
        }
    }
}

/// A summary of the entries of a block.
struct Checked {
    /// No two of them have the same key.
    distinct: bool,
    has_values_only: bool,
    /// The highest sequence number.
    newest: SeqNo,
}

fn steps_to_offsets(steps: &mut [u8]) -> Result<(), Fault> {
    let mut offset = 0;
    for step in steps.chunks_exact_mut(2) {
        offset += usize::from(u16::from_le_bytes([step[0], step[1]]));
        let [low, high, ..] = offset.to_le_bytes();
        step.copy_from_slice(&[low, high]);
    }
    if offset <= MAX_SLOTTED_SIZE { Ok(()) } else { Err(BAD_STEP) }
}

/// The indexes of entries whose fingerprint may equal that of a key, in order: eight are compared
/// at a time (SIMD within a register).
///
/// A word of eight fingerprints is compared with eight copies of the searched one: a byte of the
/// difference is zero where they are equal, and subtracting 1 from each byte sets the top bit of
/// the zero ones. A borrow may also set the bit of the byte after a match, so each result is a
/// candidate whose key must be compared; no match is missed.
struct Candidates<'a> {
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
    fn new(fingerprints: &'a [u8], fingerprint: u8) -> Self {
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
