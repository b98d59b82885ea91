//! The file of an SST while it is written: parts one after the other, sealed blocks among them.

use std::sync::Arc;

use super::block_codec::encode_block;
use super::format::BlockHandle;
use crate::codec::BlockCompression;
use crate::env::{Appender, File};
use crate::error::Result;

/// A file that grows.
pub(super) struct SstFile {
    appender: Appender,
    file_seed: u32,
}

impl SstFile {
    /// The beginning of an empty file.
    pub(super) fn new(file: Arc<dyn File>, file_seed: u32) -> Self {
        Self { appender: Appender::new(file), file_seed }
    }

    /// Where the next byte will stand.
    pub(super) fn offset(&self) -> u64 {
        self.appender.offset()
    }

    pub(super) fn file(&self) -> &dyn File {
        self.appender.file()
    }

    pub(super) fn file_seed(&self) -> u32 {
        self.file_seed
    }

    /// Adds bytes as they are.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.appender.append(bytes)
    }

    /// Adds a sealed block, and gives its place.
    pub(super) fn append_block(
        &mut self,
        payload: &[u8],
        compression: BlockCompression,
    ) -> Result<BlockHandle> {
        let (offset, file_seed) = (self.offset(), self.file_seed);
        self.appender.append_with(|out| encode_block(payload, compression, file_seed, offset, out))?;
        let size = u32::try_from(self.offset() - offset).expect("the limits of payloads are far below 4 GiB");
        Ok(BlockHandle { offset, size })
    }

    /// Writes the rest and makes everything durable; gives size and digest.
    pub(super) fn finish(self) -> Result<(u64, u64)> {
        self.appender.finish()
    }
}
