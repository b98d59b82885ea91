//! Reads an SST: opens it, finds the newest version of a key, and loads blocks for cursors.
//!
//! ```text
//! get: filter --maybe--> block index -> slot -> block (cached, or read) -> fingerprints -> entry
//! ```
//!
//! 1. Everything in memory was checked: header, footer, properties, index, filter and range
//!    tombstones by `open`, each data block when it is read from the file. A fault is `Corruption`
//!    with file and offset, never a shorter answer.
//! 2. A get of a cached block takes no lock, allocates nothing and counts no reference.
//! 3. The versions of a key may continue in the next block, only if the separator equals the key.
//! 4. No memory is allocated for a part of the file before its size is known to be within the file
//!    and its limit.
//!
//! Which versions a reader of the database may see, and what a tombstone means, is decided above.

use std::borrow::Cow;
use std::sync::Arc;

use super::SstMeta;
use super::block::Block;
use super::block_codec::decode_block;
use super::block_index::BlockIndex;
use super::cache::Epoch;
use super::cache::{BlockCache, CachedBlocks};
use super::filter::Filter;
use super::format::{
    BlockHandle, Footer, MAX_BLOCK_SIZE, MAX_PART_SIZE, MAX_RANGES_SIZE, TRAILER_LEN, decode_fragments,
};
use super::properties::Properties;
use crate::base::{Entry, Fragments, KeyHash, SeqNo};
use crate::codec::{FileHeader, FileKind};
use crate::crypt::{DataKeys, Sealer};
use crate::env::{File, digest};
use crate::error::{Fault, Result};
use crate::files::OpenFile;

#[derive(Debug)]
pub(crate) struct SstReader {
    pub(super) file: OpenFile,
    sealer: Sealer,
    pub(super) meta: SstMeta,
    properties: Properties,
    pub(super) filter: Option<Filter>,
    pub(super) ranges: Option<Arc<Fragments>>,
    pub(super) index: BlockIndex,
    pub(super) blocks: CachedBlocks,
}

impl SstReader {
    /// Opens a file that must be the SST of this database that `meta` describes.
    ///
    /// Reads and checks header, footer, properties, index, filter and range tombstones; a data
    /// block is checked when it is read.
    pub(crate) fn open(
        file: OpenFile,
        database: [u8; 16],
        keys: &DataKeys,
        meta: &SstMeta,
        cache: &Arc<BlockCache>,
    ) -> Result<Self> {
        let found = file.size()?;
        if found != meta.size {
            return Err(Fault::Length { recorded: meta.size, found }.at(file.path(), found.min(meta.size)));
        }
        let SstLayout { header, sealer, footer, properties } = SstLayout::read(&file, keys)?;
        if header.database != database || header.number != meta.number {
            return Err(Fault::Identity.at(file.path(), 0));
        }
        if properties.meta(meta.number, meta.size, meta.digest) != *meta {
            let fault = Fault::Invalid("summary of the entries, compared with the recorded one,");
            return Err(fault.at(file.path(), footer.properties.offset));
        }
        let index = read_part(&file, &sealer, footer.index, MAX_PART_SIZE, |payload| {
            BlockIndex::decode(payload, &sealer, footer.filter.offset)
        })?;
        if (index.len() == 0) != (meta.entry_count == 0) {
            return Err(Fault::Invalid("block count of the index").at(file.path(), footer.index.offset));
        }
        let filter = match footer.filter.size {
            0 => None,
            _ => Some(read_part(&file, &sealer, footer.filter, MAX_PART_SIZE, Filter::decode)?),
        };
        let ranges = footer.range_tombstones;
        let ranges = if ranges.size > 0 {
            Some(Arc::new(read_part(&file, &sealer, ranges, MAX_RANGES_SIZE, decode_fragments)?))
        } else {
            None
        };
        properties
            .check_ranges(ranges.as_deref())
            .map_err(|fault| fault.at(file.path(), footer.range_tombstones.offset))?;
        let fixed_size = index.memory_size()
            + filter.as_ref().map_or(0, Filter::memory_size)
            + ranges.as_ref().map_or(0, |ranges| ranges.memory_size());
        let blocks = cache.register(index.len(), fixed_size);
        Ok(Self { file, sealer, meta: meta.clone(), properties, filter, ranges, index, blocks })
    }

    /// Calls `found` with the newest version of `key` that is not newer than `at`, a value or a
    /// tombstone; `None` when there is none in this file. `hash` is that of the key. With
    /// `expected`, the lookup fetches the block without waiting for the filter first.
    ///
    /// Cost: at most one block read from disk, unless a key has more versions than a block holds.
    #[inline]
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        hash: KeyHash,
        at: SeqNo,
        expected: bool,
        found: impl FnOnce(Entry<'_>) -> R,
    ) -> Result<Option<R>> {
        if !expected && self.denies(hash) {
            return Ok(None);
        }
        let Some(first) = self.index.find(key) else {
            return Ok(None);
        };
        let epoch = Epoch::enter();
        for position in first..self.index.len() {
            let cached = self.blocks.peek(position, &epoch);
            // In this order, the loads of the filter's line and of the block overlap.
            if expected && position == first && self.denies(hash) {
                return Ok(None);
            }
            self.blocks.count(cached.is_some());
            let read;
            let block = if let Some(block) = cached {
                block
            } else {
                read = self.read_block(position)?;
                self.blocks.insert(position, &read);
                &read
            };
            if let Some(row) = block.find(key, hash.fingerprint(), at) {
                // Not where the filter was wrong: such a block is no more in use than any other.
                if cached.is_some() {
                    block.touch();
                }
                return Ok(Some(found(Entry { key, seqno: row.seqno, kind: row.kind, value: row.value })));
            }
            if !self.index.is(position, key) {
                break;
            }
        }
        Ok(None)
    }

    #[inline]
    pub(crate) fn denies(&self, hash: KeyHash) -> bool {
        self.filter.as_ref().is_some_and(|filter| !filter.may_contain(hash))
    }

    /// The newest range tombstone over `key` that is not newer than `at`.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        self.ranges.as_ref()?.covering(key, at)
    }

    pub(crate) fn range_tombstones(&self) -> Option<&Arc<Fragments>> {
        self.ranges.as_ref()
    }

    pub(crate) fn file(&self) -> &dyn File {
        &**self.file
    }

    pub(crate) fn properties(&self) -> &Properties {
        &self.properties
    }

    pub(super) fn read_block(&self, position: usize) -> Result<Arc<Block>> {
        #[cfg(test)]
        crate::cursor::steps::note_read();
        let handle = self.index.handle(position);
        let encoded = self.file.read_vec_at(handle.size as usize, handle.offset)?;
        self.open_block(position, Cow::Owned(encoded))
    }

    /// Decodes and checks a data block: checksum, entries, and that its keys are between its
    /// separators.
    pub(super) fn open_block(&self, position: usize, encoded: Cow<'_, [u8]>) -> Result<Arc<Block>> {
        let offset = self.index.handle(position).offset;
        decode_block(encoded, &self.sealer, offset, MAX_BLOCK_SIZE)
            .and_then(Block::new)
            .and_then(|block| self.check_bounds(position, block))
            .map(Arc::new)
            .map_err(|fault| fault.at(self.file.path(), offset))
    }

    /// Checks that the keys of a block are between its separators.
    fn check_bounds(&self, position: usize, block: Block) -> Result<Block, Fault> {
        let index = &self.index;
        let follows = match position.checked_sub(1) {
            Some(before) => block.compare_key(0, &index.separator(before)).is_ge(),
            None => true,
        };
        let last = block.row_count() - 1;
        if follows && block.compare_key(last, &index.separator(position)).is_le() {
            Ok(block)
        } else {
            Err(Fault::Order)
        }
    }
}

/// Header, footer and properties, from which all other parts are found.
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
