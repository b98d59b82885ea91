//! Writes a file front to back in large pieces, and digests what it writes.

use std::mem;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::format::Handle;
use super::seal::{Compression, seal};
use crate::env::File;
use crate::error::Result;

/// How many bytes are collected before they are written.
const WRITE_SIZE: usize = 512 << 10;

/// A file that grows.
pub(super) struct Output {
    file: Arc<dyn File>,
    file_seed: u32,
    /// Where the bytes that are not yet written will begin.
    written: u64,
    pending: Vec<u8>,
    digest: Box<Xxh3Default>,
}

impl Output {
    /// The beginning of an empty file.
    pub(super) fn new(file: Arc<dyn File>, file_seed: u32) -> Self {
        Self { file, file_seed, written: 0, pending: Vec::new(), digest: Box::default() }
    }

    /// Where the next byte will stand.
    pub(super) fn offset(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(super) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(super) fn file_seed(&self) -> u32 {
        self.file_seed
    }

    /// Adds bytes as they are.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        self.write(WRITE_SIZE)
    }

    /// Adds a sealed block, and gives its place.
    pub(super) fn append_block(&mut self, payload: &[u8], compression: Compression) -> Result<Handle> {
        let offset = self.offset();
        let start = self.pending.len();
        seal(payload, compression, self.file_seed, offset, &mut self.pending);
        let size =
            u32::try_from(self.pending.len() - start).expect("the limits of payloads are far below 4 GiB");
        self.write(WRITE_SIZE)?;
        Ok(Handle { offset, size })
    }

    /// Writes the rest and makes everything durable; gives size and digest.
    pub(super) fn finish(mut self) -> Result<(u64, u64)> {
        self.write(1)?;
        self.file.sync()?;
        Ok((self.written, self.digest.digest()))
    }

    /// Writes what is pending once it is so many bytes.
    fn write(&mut self, at_least: usize) -> Result<()> {
        if self.pending.len() < at_least {
            return Ok(());
        }
        self.file.write_at(&self.pending, self.written)?;
        self.digest.update(&self.pending);
        self.written += self.pending.len() as u64;
        self.pending.clear();
        if self.pending.capacity() > 2 * WRITE_SIZE {
            // One huge row is no reason to hold its size for the rest of the file.
            mem::take(&mut self.pending);
        }
        Ok(())
    }
}
