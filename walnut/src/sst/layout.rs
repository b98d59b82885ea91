//! The layout of an SST: header, footer and properties, from which all other parts are found.

use std::borrow::Cow;
use std::sync::Arc;

use super::SstMeta;
use super::block_codec::decode_block;
use super::format::{BlockHandle, Footer, MAX_PART_SIZE, TRAILER_LEN};
use super::properties::Properties;
use crate::codec::{FileHeader, FileKind};
use crate::crypt::{DataKeys, Sealer};
use crate::env::{File, digest};
use crate::error::{Fault, Result};

pub(super) struct SstLayout {
    pub(super) header: FileHeader,
    pub(super) sealer: Sealer,
    pub(super) footer: Footer,
    pub(super) properties: Properties,
}

impl SstLayout {
    pub(super) fn read(file: &Arc<dyn File>, keys: &DataKeys) -> Result<Self> {
        let size = file.size()?;
        let mut bytes = vec![0; keys.header_size()];
        file.read_exact_at(&mut bytes, 0)?;
        let (header, sealer) = keys.open(FileKind::Sst, &bytes).map_err(|fault| fault.at(file.path(), 0))?;
        let footer_size = Footer::size(&sealer);
        let Some(footer_offset) = size.checked_sub(footer_size as u64) else {
            return Err(Fault::Truncated.at(file.path(), size));
        };
        if header.word != 0 {
            return Err(Fault::Invalid("word field of the header").at(file.path(), 0));
        }
        let bytes = file.read_vec_at(footer_size, footer_offset)?;
        let footer = Footer::decode(&bytes, &sealer, footer_offset)
            .map_err(|fault| fault.at(file.path(), footer_offset))?;
        let properties = read_part(file, &sealer, footer.properties, MAX_PART_SIZE, Properties::decode)?;
        Ok(Self { header, sealer, footer, properties })
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
    sealer: &Sealer,
    handle: BlockHandle,
    max_size: usize,
    decode: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T> {
    let size = handle.size as usize;
    if size > max_size + TRAILER_LEN + sealer.seal_size() {
        return Err(Fault::Invalid("size of a part").at(file.path(), handle.offset));
    }
    let block = file.read_vec_at(size, handle.offset)?;
    decode_block(Cow::Owned(block), sealer, handle.offset, max_size)
        .and_then(|payload| decode(&payload))
        .map_err(|fault| fault.at(file.path(), handle.offset))
}
