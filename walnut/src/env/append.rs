//! Writes a file front to back in large pieces, and digests what it writes; digests what was written.

use std::mem;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::File;
use crate::error::Result;

/// How many bytes are collected before they are written, and how many are read at once where a whole file is.
const PIECE_SIZE: usize = 512 << 10;

/// A file that grows.
pub(crate) struct Appender {
    file: Arc<dyn File>,
    /// Where the bytes that are not yet written will begin.
    written: u64,
    pending: Vec<u8>,
    digest: Box<Xxh3Default>,
}

impl Appender {
    /// The beginning of an empty file.
    pub(crate) fn new(file: Arc<dyn File>) -> Self {
        Self { file, written: 0, pending: Vec::new(), digest: Box::default() }
    }

    /// Where the next byte will stand.
    pub(crate) fn offset(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(crate) fn file(&self) -> &dyn File {
        &*self.file
    }

    /// Adds bytes as they are.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.append_with(|pending| pending.extend_from_slice(bytes))
    }

    /// Adds what `put` adds to the bytes before it.
    pub(crate) fn append_with(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        put(&mut self.pending);
        self.write(PIECE_SIZE)
    }

    /// Writes the rest and makes everything durable; gives size and digest.
    pub(crate) fn finish(mut self) -> Result<(u64, u64)> {
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
        if self.pending.capacity() > 2 * PIECE_SIZE {
            // One huge row is no reason to hold its size for the rest of the file.
            mem::take(&mut self.pending);
        }
        Ok(())
    }
}

/// The size of a file and the XXH3 hash of its bytes.
pub(crate) fn digest(file: &dyn File) -> Result<(u64, u64)> {
    let mut buffer = vec![0; PIECE_SIZE];
    let mut digest = Box::<Xxh3Default>::default();
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut buffer, offset)?;
        digest.update(&buffer[..read]);
        offset += read as u64;
        if read < buffer.len() {
            return Ok((offset, digest.digest()));
        }
    }
}
