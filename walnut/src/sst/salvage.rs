//! Reads what is sound of a damaged SST: every block whose checksum matches, in order.
//!
//! ```text
//!   index is sound     | block | block | damaged | block |        the index says where blocks begin
//!   index is damaged   | block | block | damaged ............     each block is searched behind the one before it
//! ```
//!
//! 1. A block that is passed on is whole: its seal is bound to this file and to its offset.
//! 2. Where a block is damaged, the keys between its neighbours may be missing, and of the first
//!    key behind it newer versions: that range is reported. It is empty in none of the reports.
//! 3. Without its footer a file may have lost blocks behind the last that is found, wherever it was
//!    cut, and range tombstones anywhere: both are reported.
//! 4. Memory is one block, and the bytes that are searched for the next one.
//!
//! A file whose headers are damaged has no sound block, because every checksum continues that of
//! the file header, and every tag is under a key that follows from both.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;

use super::block::Block;
use super::block_codec::decode_block;
use super::block_index::BlockIndex;
use super::format::{
    BlockHandle, Footer, MAX_BLOCK_SIZE, MAX_PART_SIZE, MAX_RANGES_SIZE, TRAILER_LEN, decode_fragments,
};
use super::reader::read_part;
use crate::base::{Entry, FileNumber, Fragments, KeyRange, Kind, SeqNo, after};
use crate::codec::{FileKind, crc32, seed_at};
use crate::crypt::{CHECKSUM_SIZE, DataKeys, Sealer};
use crate::cursor::EntryCursor;
use crate::env::File;
use crate::error::{Fault, Result};
use crate::sync::{Arc, Mutex};

/// The bytes that are read at once where a block is searched.
const SEARCH_STEP: usize = 64 << 10;

/// A range of keys of which a damaged part of a file may have held some.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LostKeys {
    pub(crate) range: KeyRange,
    pub(crate) file: PathBuf,
    pub(crate) offset: u64,
    /// What is wrong there, as the end of a sentence.
    pub(crate) reason: String,
}

/// What is known of an SST that may be damaged.
#[derive(Clone, Debug)]
pub(crate) struct SalvagedSst {
    pub(crate) number: FileNumber,
    /// Bounds of its keys, as far as they are known.
    pub(crate) bounds: KeyRange,
    /// Whether it is known to have range tombstones.
    pub(crate) has_range_tombstones: bool,
}

/// Where lost ranges are collected.
pub(crate) type LostSink = Arc<Mutex<Vec<LostKeys>>>;

/// A forward cursor over the sound entries of an SST.
pub(crate) struct SalvageCursor {
    file: Arc<dyn File>,
    sealer: Sealer,
    places: Places,
    bounds: KeyRange,
    lost: LostSink,
    /// The offset and the reason of damage since the last sound block.
    gap: Option<(u64, String)>,
    /// Whether there may be blocks behind those that are found.
    is_cut: bool,
    block: Option<Block>,
    rows: Range<usize>,
    key: Vec<u8>,
    is_begun: bool,
    seqno: SeqNo,
    kind: Kind,
    value: Range<usize>,
}

/// Where the next block is.
enum Places {
    Index { handles: Vec<BlockHandle>, next: usize },
    Search { offset: u64, end: u64 },
}

impl SalvageCursor {
    /// Opens a file that may be damaged; also returns its range tombstones. What cannot be read is
    /// in `lost` when the cursor has come to its end.
    pub(crate) fn open(
        file: Arc<dyn File>,
        keys: &DataKeys,
        database: Option<[u8; 16]>,
        sst: &SalvagedSst,
        lost: &LostSink,
    ) -> Result<(Self, Option<Arc<Fragments>>)> {
        let mut cursor = Self {
            sealer: Sealer::checksummed(0),
            places: Places::Search { offset: 0, end: 0 },
            bounds: sst.bounds.clone(),
            lost: Arc::clone(lost),
            gap: None,
            is_cut: false,
            block: None,
            rows: 0..0,
            key: Vec::new(),
            is_begun: false,
            seqno: SeqNo::ZERO,
            kind: Kind::Delete,
            value: 0..0,
            file,
        };
        let mut fragments = None;
        match cursor.find_parts(keys, database, sst) {
            Ok(found) => fragments = found,
            Err(error) => cursor.gap = Some((0, error.to_string())),
        }
        cursor.advance()?;
        Ok((cursor, fragments))
    }

    /// Finds out where the blocks are; an error when the header is damaged.
    fn find_parts(
        &mut self,
        keys: &DataKeys,
        database: Option<[u8; 16]>,
        sst: &SalvagedSst,
    ) -> Result<Option<Arc<Fragments>>> {
        let path = self.file.path().to_owned();
        let bytes = self.file.read_vec_at(keys.header_size(), 0)?;
        let (header, sealer) = keys.open(FileKind::Sst, &bytes).map_err(|fault| fault.at(&path, 0))?;
        if header.number != sst.number || database.is_some_and(|database| database != header.database) {
            return Err(Fault::Identity.at(&path, 0));
        }
        self.sealer = sealer;
        let size = self.file.size()?;
        let start = self.sealer.header_size() as u64;
        self.places = Places::Search { offset: start, end: size };
        let Some(footer) = self.footer(size)? else {
            self.is_cut = true;
            if sst.has_range_tombstones {
                self.report_range_tombstones(size, &"the footer is damaged or missing");
            }
            return Ok(None);
        };
        let data_end = footer.filter.offset.min(size);
        let index = read_part(&self.file, &self.sealer, footer.index, MAX_PART_SIZE, |payload| {
            BlockIndex::decode(payload, &self.sealer, footer.filter.offset)
        });
        self.places = match index {
            Ok(index) => {
                let handles = (0..index.len()).map(|position| index.handle(position)).collect();
                Places::Index { handles, next: 0 }
            }
            Err(_) => Places::Search { offset: start, end: data_end },
        };
        if footer.range_tombstones.size == 0 {
            return Ok(None);
        }
        match read_part(&self.file, &self.sealer, footer.range_tombstones, MAX_RANGES_SIZE, decode_fragments)
        {
            Ok(fragments) => Ok(Some(Arc::new(fragments))),
            Err(error) => {
                self.report_range_tombstones(footer.range_tombstones.offset, &error);
                Ok(None)
            }
        }
    }

    fn footer(&self, size: u64) -> Result<Option<Footer>> {
        let footer_size = Footer::size(&self.sealer);
        let Some(offset) = size.checked_sub(footer_size as u64) else { return Ok(None) };
        let bytes = self.file.read_vec_at(footer_size, offset)?;
        Ok(Footer::decode(&bytes, &self.sealer, offset).ok())
    }

    fn report_range_tombstones(&self, offset: u64, why: &dyn Display) {
        let reason = format!("range tombstones are lost, so removed rows may be back: {why}");
        self.report(self.bounds.clone(), offset, reason);
    }

    fn report(&self, range: KeyRange, offset: u64, reason: String) {
        if !range.is_empty() {
            let file = self.file.path().to_owned();
            self.lost.lock().push(LostKeys { range, file, offset, reason });
        }
    }

    /// Ends a gap before `key`, or at the end of the file. Newer versions of `key` may be in it,
    /// and older adds to the key before it.
    fn close_gap(&mut self, key: Option<&[u8]>) {
        if let Some((offset, reason)) = self.gap.take() {
            let start = match (self.is_begun, self.kind) {
                (false, _) => self.bounds.start.clone(),
                (true, Kind::Add) => self.key.clone(),
                (true, _) => after(&self.key),
            };
            let end = key.map(after).or_else(|| self.bounds.end.clone());
            // A file may have keys outside of what the manifest says when that is damaged.
            let end = end.filter(|end| *end > start);
            self.report(KeyRange { start, end }, offset, reason);
        }
    }

    /// The next sound block; notes a gap where there are damaged ones before it.
    fn next_block(&mut self) -> Option<Block> {
        loop {
            let (offset, found) = match &mut self.places {
                Places::Index { handles, next } => {
                    let handle = *handles.get(*next)?;
                    *next += 1;
                    (handle.offset, read_block(&self.file, &self.sealer, handle))
                }
                Places::Search { offset, end } => {
                    let at = *offset;
                    if at >= *end {
                        if std::mem::take(&mut self.is_cut) {
                            self.gap = Some((at, "the file is cut off there".to_owned()));
                        }
                        return None;
                    }
                    match search_block(&self.file, &self.sealer, at, *end) {
                        Ok(Some((block, next))) => {
                            *offset = next;
                            (at, Ok(block))
                        }
                        // What follows the data is no data block, and ends the search, too.
                        Ok(None) => {
                            *offset = *end;
                            (at, Err(Fault::Truncated.at(self.file.path(), at)))
                        }
                        Err(error) => {
                            *offset = *end;
                            (at, Err(error))
                        }
                    }
                }
            };
            let found = found.and_then(|block| {
                let is_behind = !self.is_begun || block.compare_key(0, &self.key).is_ge();
                if is_behind { Ok(block) } else { Err(Fault::Order.at(self.file.path(), offset)) }
            });
            match found {
                Ok(block) => return Some(block),
                Err(error) => drop(self.gap.get_or_insert_with(|| (offset, error.to_string()))),
            }
        }
    }

    fn move_to(&mut self, index: usize) {
        let Some(block) = &self.block else { return };
        let (row, value) = block.row_and_value_span(index);
        self.key.clear();
        self.key.extend_from_slice(block.prefix());
        self.key.extend_from_slice(row.suffix);
        (self.seqno, self.kind, self.value) = (row.seqno, row.kind, value);
        self.is_begun = true;
    }
}

impl EntryCursor for SalvageCursor {
    fn entry(&self) -> Option<Entry<'_>> {
        let value = &self.block.as_ref()?.payload()[self.value.clone()];
        Some(Entry { key: &self.key, seqno: self.seqno, kind: self.kind, value })
    }

    fn advance(&mut self) -> Result<()> {
        loop {
            if let Some(index) = self.rows.next() {
                self.move_to(index);
                return Ok(());
            }
            self.block = None;
            let Some(block) = self.next_block() else {
                self.close_gap(None);
                return Ok(());
            };
            let row = block.row(0);
            let first = [block.prefix(), row.suffix].concat();
            self.close_gap(Some(&first));
            self.rows = 0..block.row_count();
            self.block = Some(block);
        }
    }
}

fn read_block(file: &Arc<dyn File>, sealer: &Sealer, handle: BlockHandle) -> Result<Block> {
    let bytes = file.read_vec_at(handle.size as usize, handle.offset)?;
    decode_block(Cow::Owned(bytes), sealer, handle.offset, MAX_BLOCK_SIZE)
        .and_then(Block::new)
        .map_err(|fault| fault.at(file.path(), handle.offset))
}

/// The block that begins at `offset`, and where it ends: its checksum is the first that matches the
/// bytes before it.
pub(super) fn search_block(
    file: &Arc<dyn File>,
    sealer: &Sealer,
    offset: u64,
    end: u64,
) -> Result<Option<(Block, u64)>> {
    let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
    let limit = left.min(MAX_BLOCK_SIZE + TRAILER_LEN + sealer.seal_size());
    let (mut bytes, mut crc, mut covered) = (Vec::new(), seed_at(sealer.seed(), offset), 0);
    while bytes.len() < limit {
        let step = SEARCH_STEP.min(limit - bytes.len());
        bytes.extend(file.read_vec_at(step, offset + bytes.len() as u64)?);
        while let Some(stored) = bytes.get(covered..covered + CHECKSUM_SIZE) {
            let is_end = covered >= TRAILER_LEN + sealer.tag_size() && *stored == crc.to_le_bytes();
            if is_end {
                let found = &bytes[..covered + CHECKSUM_SIZE];
                let block =
                    decode_block(Cow::Borrowed(found), sealer, offset, MAX_BLOCK_SIZE).and_then(Block::new);
                if let Ok(block) = block {
                    return Ok(Some((block, offset + found.len() as u64)));
                }
            }
            crc = crc32(crc, &bytes[covered..=covered]);
            covered += 1;
        }
    }
    Ok(None)
}
