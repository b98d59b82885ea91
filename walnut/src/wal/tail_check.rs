//! Tells damage from a torn tail: looks beyond the first invalid record for one that proves the bytes were durable.
//!
//! ```text
//!   valid ... valid | X: invalid ......... | valid record with synced > X      X was promised: damage
//!   valid ... valid | X: invalid ......... | records with synced <= X, zeros   nobody promised X: a torn tail
//! ```
//!
//! 1. Every multiple of eight beyond X is looked at, because the length at X cannot be believed. A checksum is bound to
//!    its offset and to its file's random salt, so a stored value that imitates a record does not pass for one.
//! 2. The time is linear in the file's size, whatever the bytes are. A checksum over any stretch follows from two running
//!    sums, so a value full of forged headers, each announcing megabytes, costs a block read for each and no more.
//! 3. What cannot be a later record is not looked at closely: in a segment that is used again, whatever stands behind the
//!    new records are those of earlier lives, with smaller numbers.
//! 4. The memory is one window and four bytes for each block.
//!
//! It serves every file whose records begin with their checksum, continued from `record_seed`, and keep `synced` in the
//! last eight bytes of their header: WAL segments and manifests.

use std::sync::Arc;

use super::format::{ALIGNMENT, CHECKED_START, record_seed};
use crate::codec::{crc32, crc32_combine};
use crate::env::File;
use crate::error::Result;

/// A multiple of [`ALIGNMENT`], so that each block of the search begins at a place for a record.
const WINDOW_SIZE: usize = 256 << 10;

/// The size of the last field of a header, which is as large as the step from place to place.
const SYNCED_SIZE: usize = ALIGNMENT;

/// A running sum is kept for each stretch of this size.
const BLOCK_SIZE: usize = 4 << 10;

/// A file in which the record at `broken` is invalid.
pub(crate) struct TailFault<'a> {
    pub(crate) file: &'a Arc<dyn File>,
    pub(crate) size: u64,
    pub(crate) seed: u32,
    pub(crate) broken: u64,
    pub(crate) header_size: usize,
    /// The size of the record with this header at this offset, when it can be one.
    pub(crate) record_size: &'a dyn Fn(&[u8], u64) -> Option<usize>,
}

impl TailFault<'_> {
    /// Whether a later record proves that the bytes at `broken` were durable once.
    pub(crate) fn is_acknowledged(&self) -> Result<bool> {
        let mut sums = None;
        let mut window = vec![0; WINDOW_SIZE + self.header_size];
        let mut start = self.broken + ALIGNMENT as u64;
        while start < self.size {
            let read = self.file.read_at(&mut window, start)?;
            // Almost every place fails by this one word, so it is compared before anything else is looked at.
            let words = window[..read].get(self.header_size - SYNCED_SIZE..).unwrap_or_default();
            for (place, word) in words.as_chunks().0.iter().enumerate() {
                let synced = u64::from_le_bytes(*word);
                if synced > self.broken {
                    let place = place * ALIGNMENT;
                    let (offset, header) = (start + place as u64, &window[place..][..self.header_size]);
                    if synced <= offset && self.is_valid(&mut sums, header, offset)? {
                        return Ok(true);
                    }
                }
            }
            start += WINDOW_SIZE as u64;
        }
        Ok(false)
    }

    /// Whether the record with this header is valid.
    fn is_valid(&self, sums: &mut Option<Sums>, header: &[u8], offset: u64) -> Result<bool> {
        let size = (self.record_size)(header, offset).filter(|&size| size as u64 <= self.size - offset);
        let Some(size) = size else {
            return Ok(false);
        };
        let sums = match sums {
            Some(sums) => sums,
            None => sums.insert(Sums::of(self)?),
        };
        let (from, to) = (offset + CHECKED_START as u64, offset + size as u64);
        // With sum(p) over all bytes before p: crc(seed, from..to) = shift(seed ^ sum(from), to - from) ^ sum(to).
        let before = record_seed(self.seed, offset) ^ sums.up_to(self.file, from)?;
        let computed = crc32_combine(before, sums.up_to(self.file, to)?, to - from);
        Ok(header.first_chunk().is_some_and(|stored| u32::from_le_bytes(*stored) == computed))
    }
}

/// The checksums of the bytes from `start` up to each block.
struct Sums {
    start: u64,
    blocks: Vec<u32>,
}

impl Sums {
    fn of(suspect: &TailFault<'_>) -> Result<Self> {
        let mut sums = Self { start: suspect.broken, blocks: vec![0] };
        let (mut window, mut offset, mut sum) = (vec![0; WINDOW_SIZE], suspect.broken, 0);
        loop {
            let read = suspect.file.read_at(&mut window, offset)?;
            for block in window[..read].chunks(BLOCK_SIZE) {
                sum = crc32(sum, block);
                sums.blocks.push(sum);
            }
            offset += read as u64;
            if read < WINDOW_SIZE {
                return Ok(sums);
            }
        }
    }

    /// The checksum of the bytes from the start up to `end`.
    fn up_to(&self, file: &Arc<dyn File>, end: u64) -> Result<u32> {
        let mut bytes = [0; BLOCK_SIZE];
        let size = end - self.start;
        let block = usize::try_from(size / BLOCK_SIZE as u64).unwrap_or(usize::MAX);
        let rest = &mut bytes[..usize::try_from(size % BLOCK_SIZE as u64).expect("less than a block")];
        file.read_exact_at(rest, end - rest.len() as u64)?;
        Ok(crc32(self.blocks.get(block).copied().unwrap_or_default(), rest))
    }
}
