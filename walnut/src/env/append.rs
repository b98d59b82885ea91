//! Appends to a file in large writes and computes its digest; computes the digest of an existing
//! file.

use std::mem;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::File;
use crate::error::Result;

/// Bytes buffered before a write, and bytes read at once for a digest.
const PIECE_SIZE: usize = 512 << 10;

pub(crate) struct Appender {
    file: Arc<dyn File>,
    /// The offset of the first buffered byte.
    written: u64,
    pending: Vec<u8>,
    digest: Box<Xxh3Default>,
}

impl Appender {
    /// `file` is empty.
    pub(crate) fn new(file: Arc<dyn File>) -> Self {
        Self { file, written: 0, pending: Vec::new(), digest: Box::default() }
    }

    /// Where the next byte will be written.
    pub(crate) fn offset(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(crate) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.append_with(|pending| pending.extend_from_slice(bytes))
    }

    pub(crate) fn append_with(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        put(&mut self.pending);
        self.write(PIECE_SIZE)
    }

    /// Writes the rest and syncs; returns size and digest.
    pub(crate) fn finish(mut self) -> Result<(u64, u64)> {
        self.write(1)?;
        self.file.sync()?;
        Ok((self.written, self.digest.digest()))
    }

    /// Writes the buffer once it has this many bytes.
    fn write(&mut self, at_least: usize) -> Result<()> {
        if self.pending.len() < at_least {
            return Ok(());
        }
        self.file.write_at(&self.pending, self.written)?;
        self.digest.update(&self.pending);
        self.written += self.pending.len() as u64;
        self.pending.clear();
        if self.pending.capacity() > 2 * PIECE_SIZE {
            // One huge row is no reason to keep its memory for the rest of the file.
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
