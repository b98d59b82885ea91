//! Builds an SST from entries in internal-key order and range tombstones in key order.
//!
//! ```text
//! add: entry -> BlockBuilder --full--> encoded block -> SstFile (large writes) -> file
//!                    \-> hash, separator, counts
//! add_fragment: range tombstones -> payload
//! finish: filter, range tombstones, index, properties, footer, sync
//! ```
//!
//! 1. The file is append-only: nothing that was written is changed.
//! 2. When `finish` returns, the bytes are durable. The caller makes the name durable by a sync of
//!    the directory.
//! 3. A file without `finish` has no footer and cannot be opened; the caller removes it.
//!
//! The caller decides when to begin another file, by [`SstBuilder::estimated_size`].

use std::sync::Arc;

use super::SstMeta;
use super::block_builder::BlockBuilder;
use super::block_codec::encode_block;
use super::block_index::BlockIndex;
use super::block_index::separator;
use super::filter::Filter;
use super::format::{
    BlockHandle, Footer, MAX_BLOCK_SIZE, MAX_KEY_SIZE, MAX_PART_SIZE, MAX_RANGES_SIZE, MAX_SLOTTED_SIZE,
    encode_fragment,
};
use super::properties::Properties;
use crate::base::{Entry, FileNumber, Fragment, KeyHash, Kind, SeqNo, compare, number_in};
use crate::codec::{BlockCompression, ValuePointer};
use crate::crypt::Sealer;
use crate::env::{Appender, File};
use crate::error::{Error, Fault, Limit, Result};

/// How SSTs are written. Every SST can be read whatever options it was written with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SstConfig {
    /// The largest size of a data block's entries in bytes, uncompressed; at most 64 KiB. A larger
    /// entry has a block of its own.
    pub(crate) block_size: usize,
    pub(crate) compression: BlockCompression,
    /// 0 for no filter, as for a last level where nearly all lookups succeed.
    pub(crate) filter_bits_per_key: u32,
}

impl Default for SstConfig {
    fn default() -> Self {
        Self { block_size: 8 << 10, compression: BlockCompression::Lz4, filter_bits_per_key: 10 }
    }
}

/// An SST that is being written. After an error it must be dropped.
pub(crate) struct SstBuilder {
    number: FileNumber,
    config: SstConfig,
    sst_file: SstFile,
    block: BlockBuilder,
    /// The payload of the index so far.
    index: Vec<u8>,
    /// One for each user key.
    hashes: Vec<KeyHash>,
    /// The payload of the range tombstones so far.
    ranges: Vec<u8>,
    properties: Properties,
    last_seqno: SeqNo,
}

impl SstBuilder {
    /// Begins an SST in an empty file. The headers are those of a file of kind `Sst`, with word 0,
    /// and the sealer is theirs.
    pub(crate) fn new(
        file: Arc<dyn File>,
        number: FileNumber,
        (headers, sealer): (Vec<u8>, Sealer),
        config: SstConfig,
    ) -> Result<Self> {
        let mut sst_file = SstFile::new(file, sealer);
        sst_file.append(&headers)?;
        Ok(Self {
            number,
            config,
            sst_file,
            block: BlockBuilder::default(),
            index: Vec::new(),
            hashes: Vec::new(),
            ranges: Vec::new(),
            properties: Properties::none(),
            last_seqno: SeqNo::ZERO,
        })
    }

    /// Adds the next entry. It must be above the previous one in internal-key order: anything else
    /// is a bug, and returns [`Fault::Order`]. An entry that could not be read back is refused as
    /// well.
    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.check(&entry)?;
        let size = self.block.size_with(&entry);
        if !self.block.is_empty() && size > self.config.block_size.min(MAX_SLOTTED_SIZE) {
            self.finish_block(entry.key)?;
        }
        let hash = KeyHash::of(entry.key);
        self.block.push(&entry, hash.fingerprint());
        let new_key = self.properties.count(&entry);
        if new_key && self.config.filter_bits_per_key > 0 {
            self.hashes.push(hash);
        }
        self.last_seqno = entry.seqno;
        Ok(())
    }

    /// Adds the next fragment of range tombstones, which must begin at or after the end of the
    /// previous one. The order relative to entries does not matter.
    pub(crate) fn add_fragment(&mut self, fragment: &Fragment) -> Result<()> {
        let in_order = self.properties.fragment_count == 0 || self.properties.covered_end <= fragment.start;
        if !in_order || fragment.start >= fragment.end {
            return Err(Fault::Order.at(self.sst_file.file().path(), self.sst_file.offset()));
        }
        encode_fragment(fragment, &mut self.ranges);
        if self.ranges.len() > MAX_RANGES_SIZE {
            return Err(Error::Unsupported("an SST with so many range tombstones"));
        }
        self.properties.count_fragment(fragment);
        Ok(())
    }

    /// The approximate size of the file if it were finished now, before compression of the last
    /// block.
    pub(crate) fn estimated_size(&self) -> u64 {
        let filter = self.hashes.len() as u64 * u64::from(self.config.filter_bits_per_key) / 8;
        self.sst_file.offset() + (self.block.size() + self.index.len() + self.ranges.len()) as u64 + filter
    }

    /// The encoded size of the range tombstones added so far.
    pub(crate) fn ranges_size(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn entry_count(&self) -> u64 {
        self.properties.entry_count
    }

    /// Writes the rest and syncs the file. An empty SST is never written: finishing one is an
    /// error.
    pub(crate) fn finish(mut self) -> Result<SstMeta> {
        if self.properties.entry_count == 0 && self.properties.fragment_count == 0 {
            return Err(Error::Unsupported("an SST without entries"));
        }
        if self.properties.entry_count > 0 {
            let largest = self.properties.largest.clone();
            self.finish_block(&largest)?;
        }
        let filter = self.append_filter()?;
        let range_tombstones = self.append_ranges()?;
        let index = self.sst_file.append_block(&self.index, self.config.compression)?;
        let payload = self.properties.encode();
        if payload.len() > MAX_PART_SIZE {
            return Err(Error::Unsupported("an SST with so many keyspaces"));
        }
        let properties = self.sst_file.append_block(&payload, BlockCompression::None)?;
        let footer = Footer { filter, range_tombstones, index, properties };
        let footer = footer.encode(self.sst_file.sealer(), self.sst_file.offset());
        self.sst_file.append(&footer)?;
        let (size, digest) = self.sst_file.finish()?;
        Ok(self.properties.meta(self.number, size, digest))
    }

    /// Whether an entry may come next, and fits.
    fn check(&self, entry: &Entry<'_>) -> Result<()> {
        let path = self.sst_file.file().path();
        let last = (self.properties.largest.as_slice(), self.last_seqno);
        let in_order = self.entry_count() == 0 || compare(last, (entry.key, entry.seqno)).is_lt();
        debug_assert!(in_order, "entries are added in internal order");
        if !in_order {
            return Err(Fault::Order.at(path, self.sst_file.offset()));
        }
        if !entry.kind.is_point() {
            return Err(Fault::Invalid("kind of an entry").at(path, self.sst_file.offset()));
        }
        if entry.kind == Kind::Delete && !entry.value.is_empty() {
            return Err(Fault::Invalid("value of a tombstone").at(path, self.sst_file.offset()));
        }
        if entry.kind == Kind::Add && number_in(entry.value).is_none() {
            return Err(Fault::Invalid("value of an add").at(path, self.sst_file.offset()));
        }
        if entry.kind == Kind::Pointer {
            ValuePointer::decode(entry.value).map_err(|fault| fault.at(path, self.sst_file.offset()))?;
        }
        if entry.seqno > SeqNo::MAX {
            return Err(Fault::Invalid("sequence number of an entry").at(path, self.sst_file.offset()));
        }
        if entry.key.len() > MAX_KEY_SIZE {
            return Err(Error::Limit(Limit::Key { limit: MAX_KEY_SIZE }));
        }
        let size = BlockBuilder::default().size_with(entry);
        if size > MAX_BLOCK_SIZE {
            return Err(Error::Limit(Limit::Row { size, limit: MAX_BLOCK_SIZE }));
        }
        Ok(())
    }

    /// Writes the block, which must not be empty; `next` is the key after it, or the last key
    /// again.
    fn finish_block(&mut self, next: &[u8]) -> Result<()> {
        let payload = self.block.finish();
        let handle = self.sst_file.append_block(&payload, self.config.compression)?;
        BlockIndex::encode_block(handle.size, separator(&self.properties.largest, next), &mut self.index);
        if self.index.len() > MAX_PART_SIZE {
            return Err(Error::Unsupported("an SST with so many blocks"));
        }
        Ok(())
    }

    fn append_ranges(&mut self) -> Result<BlockHandle> {
        if self.ranges.is_empty() {
            return Ok(BlockHandle { offset: self.sst_file.offset(), size: 0 });
        }
        self.sst_file.append_block(&self.ranges, self.config.compression)
    }

    fn append_filter(&mut self) -> Result<BlockHandle> {
        if self.hashes.is_empty() {
            return Ok(BlockHandle { offset: self.sst_file.offset(), size: 0 });
        }
        let filter = Filter::build(&self.hashes, self.config.filter_bits_per_key);
        self.sst_file.append_block(&filter.encode(), BlockCompression::None)
    }
}

/// The file that a builder writes: blocks and other parts, front to back.
struct SstFile {
    appender: Appender,
    sealer: Sealer,
}

impl SstFile {
    /// Begins at the start of an empty file.
    fn new(file: Arc<dyn File>, sealer: Sealer) -> Self {
        Self { appender: Appender::new(file), sealer }
    }

    /// The offset of the next byte.
    fn offset(&self) -> u64 {
        self.appender.offset()
    }

    fn file(&self) -> &dyn File {
        self.appender.file()
    }

    fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Appends bytes without a change.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.appender.append(bytes)
    }

    /// Appends an encoded block, and returns its handle.
    fn append_block(&mut self, payload: &[u8], compression: BlockCompression) -> Result<BlockHandle> {
        let (offset, sealer) = (self.offset(), &self.sealer);
        self.appender.append_with(|out| encode_block(payload, compression, sealer, offset, out))?;
        let size = u32::try_from(self.offset() - offset).expect("the limits of payloads are far below 4 GiB");
        Ok(BlockHandle { offset, size })
    }

    /// Writes the rest and syncs the file; returns size and digest.
    fn finish(self) -> Result<(u64, u64)> {
        self.appender.finish()
    }
}
