//! Fuzzing entry point: hostile bytes as an SST and its parts.
//!
//! A random file fails at its first checksum, so the bytes are also tried as each payload, which is
//! what the checksums protect.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::block::Block;
use super::block_codec::decode_block;
use super::block_index::BlockIndex;
use super::cache::BlockCache;
use super::filter::Filter;
use super::format::{MAX_BLOCK_SIZE, decode_fragments};
use super::properties::Properties;
use super::reader::SstLayout;
use super::reader::SstReader;
use crate::base::{KeyHash, KeyRange, SeqNo};
use crate::crypt::{DataKeys, Sealer};
use crate::cursor::{Direction, EntryCursor};
use crate::env::File;
use crate::error::{Error, Result};
use crate::files::OpenFile;

/// Reads `bytes` as a file and as each of its parts. Reading must not panic, hang or take much
/// memory; any other result is correct.
pub fn fuzz(bytes: &[u8]) {
    let _ = walk_file(bytes);
    if let Ok(block) = Block::new(bytes.to_vec()) {
        walk_block(&block);
    }
    if let Ok(filter) = Filter::decode(bytes) {
        filter.may_contain(KeyHash::of(bytes));
    }
    if let Some((end, payload)) = bytes.split_first_chunk()
        && let Ok(index) = BlockIndex::decode(payload, &Sealer::checksummed(0), u64::from_le_bytes(*end))
    {
        let _ = (index.find(bytes), index.data_end());
    }
    let _ = Properties::decode(bytes);
    if let Ok(ranges) = decode_fragments(bytes) {
        let _ = (ranges.covering(bytes, SeqNo::MAX), ranges.newest_within(&KeyRange::all()));
    }
    let _ = decode_block(Cow::Borrowed(bytes), &Sealer::checksummed(0), 0, MAX_BLOCK_SIZE);
}

/// Opens the bytes as the SST that they announce, and reads it in every way.
fn walk_file(bytes: &[u8]) -> Result<()> {
    let file: Arc<dyn File> = Arc::new(Bytes(bytes.to_vec()));
    let outline = SstLayout::read(&file, &DataKeys::none())?;
    let meta = outline.meta(&file)?;
    let cache = BlockCache::new(1 << 20, 8192);
    let reader = SstReader::open(
        OpenFile::standalone(file),
        outline.header.database,
        &DataKeys::none(),
        &meta,
        &cache,
    )?;
    let reader = Arc::new(reader);
    for direction in [Direction::Forward, Direction::Backward] {
        let mut cursor = reader.cursor(&KeyRange::all(), direction)?;
        while let Some(entry) = cursor.entry() {
            reader.get(entry.key, KeyHash::of(entry.key), SeqNo::MAX, true, |_| ())?;
            cursor.advance()?;
        }
    }
    reader.verify()
}

fn walk_block(block: &Block) {
    for index in 0..block.row_count() {
        let row = block.row(index);
        let key = [block.prefix(), row.suffix].concat();
        block.find(&key, KeyHash::of(&key).fingerprint(), row.seqno);
        block.lower_bound(&key);
    }
}

/// A file with fixed content.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl File for Bytes {
    fn path(&self) -> &Path {
        Path::new("fuzz.sst")
    }

    fn size(&self) -> Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let size = rest.len().min(bytes.len());
        bytes[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn write_at(&self, _: &[u8], _: u64) -> Result<()> {
        Err(Error::Unsupported("writing to a file that is only read"))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn set_size(&self, _: u64) -> Result<()> {
        Err(Error::Unsupported("writing to a file that is only read"))
    }
}
