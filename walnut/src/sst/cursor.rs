//! Walks over the entries of an SST in a range, forward or backward.
//!
//! ```text
//! blocks that can hold the range: [p | p+1 | .. | q]    rows of the current block in the range: [i | i+1 | .. | j]
//!        forward takes both from the front, backward from the back
//! ```
//!
//! 1. It holds its current block, whatever the cache does meanwhile.
//! 2. A block that cannot be read is an error, never an end.
//! 3. The key of the current entry is put together in a buffer that is used again and again; the value lies in the block.

use std::ops::Range;
use std::sync::Arc;

use super::block::Block;
use super::read_ahead::ReadAhead;
use super::reader::SstReader;
use crate::base::{Entry, KeyRange, Kind, SeqNo};
use crate::cursor::{Cursor, Direction};
use crate::error::Result;

/// A cursor over one SST.
#[derive(Debug)]
pub(crate) struct SstCursor {
    reader: Arc<SstReader>,
    range: KeyRange,
    direction: Direction,
    /// Whether blocks that are read go to the cache.
    keeps: bool,
    /// The blocks not yet entered that can hold keys of the range.
    positions: Range<usize>,
    block: Option<Arc<Block>>,
    /// The rows of the block not yet given that lie in the range.
    rows: Range<usize>,
    key: Vec<u8>,
    current: Option<Current>,
    ahead: ReadAhead,
}

/// What the current entry has beside its key.
#[derive(Debug)]
struct Current {
    seqno: SeqNo,
    kind: Kind,
    /// Where the value lies in the block's payload.
    value: Range<usize>,
}

impl SstCursor {
    pub(super) fn new(
        reader: Arc<SstReader>,
        range: &KeyRange,
        direction: Direction,
        keeps: bool,
    ) -> Result<Self> {
        let positions = positions_of(&reader, range);
        let mut cursor = Self {
            reader,
            range: range.clone(),
            direction,
            keeps,
            positions,
            block: None,
            rows: 0..0,
            key: Vec::new(),
            current: None,
            ahead: ReadAhead::default(),
        };
        cursor.advance()?;
        Ok(cursor)
    }

    /// Makes the block at a position the current one.
    fn enter(&mut self, position: usize) -> Result<()> {
        let block = self.load(position)?;
        let end = self.range.end.as_ref().map_or(block.row_count(), |end| block.lower_bound(end));
        self.rows = block.lower_bound(&self.range.start)..end;
        self.key.clear();
        self.key.extend_from_slice(block.prefix());
        self.block = Some(block);
        Ok(())
    }

    fn load(&mut self, position: usize) -> Result<Arc<Block>> {
        let cached = self.reader.blocks.get(position);
        if let Some(block) = &*cached {
            return Ok(Arc::clone(block));
        }
        let block = match self.direction {
            Direction::Forward => self.ahead.block(&self.reader, position, self.positions.end)?,
            Direction::Backward => self.reader.read_block(position)?,
        };
        if self.keeps {
            self.reader.blocks.insert(position, &block);
        }
        Ok(block)
    }
}

impl Cursor for SstCursor {
    #[inline]
    fn entry(&self) -> Option<Entry<'_>> {
        let (current, block) = (self.current.as_ref()?, self.block.as_ref()?);
        let value = &block.payload()[current.value.clone()];
        Some(Entry { key: &self.key, seqno: current.seqno, kind: current.kind, value })
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        loop {
            let next = take(&mut self.rows, self.direction);
            if let (Some(index), Some(block)) = (next, &self.block) {
                let row = block.row(index);
                self.key.truncate(block.prefix().len());
                self.key.extend_from_slice(row.suffix);
                self.current =
                    Some(Current { seqno: row.seqno, kind: row.kind, value: block.value_span(index) });
                return Ok(());
            }
            self.current = None;
            self.block = None;
            match take(&mut self.positions, self.direction) {
                Some(position) => self.enter(position)?,
                None => return Ok(()),
            }
        }
    }
}

/// The next number in a direction.
fn take(range: &mut Range<usize>, direction: Direction) -> Option<usize> {
    match direction {
        Direction::Forward => range.next(),
        Direction::Backward => range.next_back(),
    }
}

/// The blocks that can hold keys of the range.
fn positions_of(reader: &SstReader, range: &KeyRange) -> Range<usize> {
    let fences = &reader.index.fences;
    if range.is_empty() {
        return 0..0;
    }
    let Some(start) = fences.find(&range.start) else {
        return 0..0;
    };
    let last = range.end.as_ref().and_then(|end| fences.find(end));
    start..last.map_or(fences.len(), |last| last + 1)
}
