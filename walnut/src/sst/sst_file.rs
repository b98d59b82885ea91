//! Writes the file of an SST: blocks and other parts, front to back.

use std::sync::Arc;

use super::block_codec::encode_block;
use super::format::BlockHandle;
use crate::codec::BlockCompression;
use crate::crypt::Sealer;
use crate::env::{Appender, File};
use crate::error::Result;

pub(super) struct SstFile {
    appender: Appender,
    sealer: Sealer,
}

impl SstFile {
    /// Begins at the start of an empty file.
    pub(super) fn new(file: Arc<dyn File>, sealer: Sealer) -> Self {
        Self { appender: Appender::new(file), sealer }
    }

    /// The offset of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.appender.offset()
    }

    pub(super) fn file(&self) -> &dyn File {
        self.appender.file()
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Appends bytes without a change.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.appender.append(bytes)
    }

    /// Appends an encoded block, and returns its handle.
    pub(super) fn append_block(
        &mut self,
        payload: &[u8],
        compression: BlockCompression,
    ) -> Result<BlockHandle> {
        let (offset, sealer) = (self.offset(), &self.sealer);
        self.appender.append_with(|out| encode_block(payload, compression, sealer, offset, out))?;
        let size = u32::try_from(self.offset() - offset).expect("the limits of payloads are far below 4 GiB");
        Ok(BlockHandle { offset, size })
    }

    /// Writes the rest and syncs the file; returns size and digest.
    pub(super) fn finish(self) -> Result<(u64, u64)> {
        self.appender.finish()
    }
}
