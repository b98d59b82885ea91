//! Distinguishes damage from a torn tail: searches behind the first invalid record for one that
//! proves the bytes were durable.
//!
//! ```text
//!   valid ... valid | X: invalid ...... | valid record with synced > X     X was durable: damage
//!   valid ... valid | X: invalid ...... | records with synced <= X, zeros  X was not: a torn tail
//! ```
//!
//! 1. Every multiple of eight behind X is examined, because the length field at X cannot be
//!    trusted. A checksum is bound to its offset and to its file's random salt, so a stored value
//!    that imitates a record is not taken for one.
//! 2. The time is linear in the file's size, whatever the bytes are. A checksum over any range
//!    follows from two running checksums, so a value full of forged headers, each announcing
//!    megabytes, costs one block read per header and no more.
//! 3. Records that cannot be later ones are rejected early: the bytes behind the new records of a
//!    recycled segment are those of earlier generations, with smaller sequence numbers.
//! 4. The memory is one window, and four bytes per block.
//! 5. In an encrypted file the tag of a record's fields proves what they say, so its payload is not
//!    looked at: each offset costs a checksum of the fields, and a decryption when that matches.
//!
//! It serves every file format whose records are sealed by `Sealer::seal_record` and keep `synced`
//! in the last eight bytes of their header: WAL segments and manifests.

use std::sync::Arc;

use super::format::{ALIGNMENT, CHECKED_START};
use crate::codec::{crc32, crc32_combine, seed_at};
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::Result;

/// A multiple of [`ALIGNMENT`], so that each window starts at a possible record.
const WINDOW_SIZE: usize = 256 << 10;

/// The size of the last header field, which equals the alignment of records.
const SYNCED_SIZE: usize = ALIGNMENT;

/// A running checksum is kept for every block of this size.
const BLOCK_SIZE: usize = 4 << 10;

/// A file in which the record at `broken` is invalid.
pub(crate) struct TailFault<'a> {
    pub(crate) file: &'a Arc<dyn File>,
    pub(crate) size: u64,
    pub(crate) sealer: &'a Sealer,
    pub(crate) broken: u64,
    /// The size of checksum and fields, without tag.
    pub(crate) header_size: usize,
    /// The size of the record with this header at this offset; `None` when it cannot be a later
    /// record.
    pub(crate) record_size: &'a dyn Fn(&[u8], u64) -> Option<usize>,
}

impl TailFault<'_> {
    /// Whether a later record proves that the bytes at `broken` were once durable.
    pub(crate) fn is_acknowledged(&self) -> Result<bool> {
        if self.sealer.is_encrypted() {
            return self.is_acknowledged_encrypted();
        }
        let mut sums = None;
        let mut window = vec![0; WINDOW_SIZE + self.header_size];
        let mut start = self.broken + ALIGNMENT as u64;
        while start < self.size {
            let read = self.file.read_at(&mut window, start)?;
            // Almost every offset is rejected by this one word, so it is compared first.
            let words = window[..read].get(self.header_size - SYNCED_SIZE..).unwrap_or_default();
            for (index, word) in words.as_chunks().0.iter().enumerate() {
                let synced = u64::from_le_bytes(*word);
                if synced > self.broken {
                    let index = index * ALIGNMENT;
                    let (offset, header) = (start + index as u64, &window[index..][..self.header_size]);
                    if synced <= offset && self.is_valid(&mut sums, header, offset)? {
                        return Ok(true);
                    }
                }
            }
            start += WINDOW_SIZE as u64;
        }
        Ok(false)
    }

    fn is_acknowledged_encrypted(&self) -> Result<bool> {
        let sealed_size = self.header_size + self.sealer.tag_size();
        let mut window = vec![0; WINDOW_SIZE + sealed_size];
        let mut header = vec![0; self.header_size];
        let mut start = self.broken + ALIGNMENT as u64;
        while start < self.size {
            let read = self.file.read_at(&mut window, start)?;
            for index in (0..WINDOW_SIZE).step_by(ALIGNMENT) {
                let Some(sealed) = window[..read].get(index..index + sealed_size) else { break };
                let offset = start + index as u64;
                // Preallocated zeros are no record: their tag would be zero.
                if sealed.iter().any(|byte| *byte != 0)
                    && self.sealer.open_fields(offset, sealed, &mut header).is_ok()
                    && let Some(synced) = header.last_chunk().map(|bytes| u64::from_le_bytes(*bytes))
                    && (self.broken + 1..=offset).contains(&synced)
                    && (self.record_size)(&header, offset).is_some()
                {
                    return Ok(true);
                }
            }
            start += WINDOW_SIZE as u64;
        }
        Ok(false)
    }

    fn is_valid(&self, sums: &mut Option<Sums>, header: &[u8], offset: u64) -> Result<bool> {
        // The file may have grown since it was measured.
        let left = self.size.saturating_sub(offset);
        let size = (self.record_size)(header, offset).filter(|&size| size as u64 <= left);
        let Some(size) = size else {
            return Ok(false);
        };
        let sums = match sums {
            Some(sums) => sums,
            None => sums.insert(Sums::of(self)?),
        };
        let (from, to) = (offset + CHECKED_START as u64, offset + size as u64);
        // With sum(p) over all bytes before p: crc(seed, from..to) = shift(seed ^ sum(from), to -
        // from) ^ sum(to).
        let before = seed_at(self.sealer.seed(), offset) ^ sums.up_to(self.file, from)?;
        let computed = crc32_combine(before, sums.up_to(self.file, to)?, to - from);
        Ok(header.first_chunk().is_some_and(|stored| u32::from_le_bytes(*stored) == computed))
    }
}

/// The running checksums from `start` up to each block.
struct Sums {
    start: u64,
    blocks: Vec<u32>,
}

impl Sums {
    fn of(tail: &TailFault<'_>) -> Result<Self> {
        let mut sums = Self { start: tail.broken, blocks: vec![0] };
        let (mut window, mut offset, mut sum) = (vec![0; WINDOW_SIZE], tail.broken, 0);
        loop {
            let read = tail.file.read_at(&mut window, offset)?;
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

    /// The checksum of the bytes from `start` up to `end`.
    fn up_to(&self, file: &Arc<dyn File>, end: u64) -> Result<u32> {
        let mut bytes = [0; BLOCK_SIZE];
        let size = end - self.start;
        let block = usize::try_from(size / BLOCK_SIZE as u64).unwrap_or(usize::MAX);
        let rest = &mut bytes[..usize::try_from(size % BLOCK_SIZE as u64).expect("less than a block")];
        file.read_exact_at(rest, end - rest.len() as u64)?;
        Ok(crc32(self.blocks.get(block).copied().unwrap_or_default(), rest))
    }
}
