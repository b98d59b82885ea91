//! The layout of an SST: header, footer and properties, from which all other parts are found.

use std::borrow::Cow;
use std::sync::Arc;

use super::SstMeta;
use super::block_codec::decode_block;
use super::format::{BlockHandle, Footer, MAX_PART_SIZE, TRAILER_LEN};
use super::properties::Properties;
use crate::codec::{FileHeader, FileKind};
use crate::env::{File, digest};
use crate::error::{Fault, Result};

pub(super) struct SstLayout {
    pub(super) header: FileHeader,
    pub(super) footer: Footer,
    pub(super) properties: Properties,
}

impl SstLayout {
    pub(super) fn read(file: &Arc<dyn File>) -> Result<Self> {
        let size = file.size()?;
        let Some(footer_offset) = size.checked_sub(Footer::LEN as u64) else {
            return Err(Fault::Truncated.at(file.path(), size));
        };
        let mut bytes = [0; FileHeader::LEN];
        file.read_exact_at(&mut bytes, 0)?;
        let header = FileHeader::decode(FileKind::Sst, &bytes).map_err(|fault| fault.at(file.path(), 0))?;
        if header.word != 0 {
            return Err(Fault::Invalid("word field of the header").at(file.path(), 0));
        }
        let mut bytes = [0; Footer::LEN];
        file.read_exact_at(&mut bytes, footer_offset)?;
        let footer = Footer::decode(&bytes, header.seed(), footer_offset)
            .map_err(|fault| fault.at(file.path(), footer_offset))?;
        let properties =
            read_part(file, header.seed(), footer.properties, MAX_PART_SIZE, Properties::decode)?;
        Ok(Self { header, footer, properties })
    }

    /// The manifest's description of the file; reads all of it for the digest.
    pub(super) fn meta(&self, file: &Arc<dyn File>) -> Result<SstMeta> {
        let (size, digest) = digest(&**file)?;
        Ok(self.properties.meta(self.header.number, size, digest))
    }
}

/// Reads and decodes a part of at most `max_size` bytes; faults name the part's offset.
pub(super) fn read_part<T>(
    file: &Arc<dyn File>,
    file_seed: u32,
    handle: BlockHandle,
    max_size: usize,
    decode: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T> {
    let size = handle.size as usize;
    if size > max_size + TRAILER_LEN {
        return Err(Fault::Invalid("size of a part").at(file.path(), handle.offset));
    }
    let block = file.read_vec_at(size, handle.offset)?;
    decode_block(Cow::Owned(block), file_seed, handle.offset, max_size)
        .and_then(|payload| decode(&payload))
        .map_err(|fault| fault.at(file.path(), handle.offset))
}
