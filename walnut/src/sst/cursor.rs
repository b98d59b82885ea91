//! A cursor over the entries of an SST in a range, forward or backward.
//!
//! ```text
//! blocks that may hold the range: [p | p+1 | .. | q]    entries of the current block in the range: [i | .. | j]
//!        forward takes both from the front, backward from the back
//! ```
//!
//! 1. It holds a reference to its current block, whatever the cache evicts.
//! 2. A block that cannot be read is an error, never an end.
//! 3. The key of the current entry is assembled in a reused buffer; the value is borrowed from the
//!    block.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::block::Block;
use super::reader::SstReader;
use crate::base::{CoveredSpan, Entry, KeyRange, Kind, SeqNo, after};
use crate::cursor::{Direction, EntryCursor};
use crate::error::Result;

/// The most bytes that are read ahead.
const MAX_AHEAD: u64 = 256 << 10;

#[derive(Debug)]
pub(crate) struct SstCursor {
    reader: Arc<SstReader>,
    range: KeyRange,
    direction: Direction,
    /// Whether blocks that are read are inserted into the cache.
    fills_cache: bool,
    /// The blocks that may hold keys of the range. All but the first and the last of them are
    /// within it.
    span: Range<usize>,
    /// The blocks not visited yet.
    positions: Range<usize>,
    /// The current block and its position; `None` at the end.
    block: Option<Arc<Block>>,
    position: usize,
    /// Whether no two entries of the block have the same key.
    distinct: bool,
    /// The entries of the block that are in the range and were not visited yet.
    rows: Range<usize>,
    /// The key of the current entry, in a buffer that is longer, and how much of it is the block's
    /// prefix.
    key: Vec<u8>,
    key_size: usize,
    prefix_size: usize,
    /// The rest of the current entry.
    seqno: SeqNo,
    kind: Kind,
    /// The span of the value in the block's payload.
    value: Range<usize>,
    ahead: ReadAhead,
}

impl SstReader {
    /// A cursor over the entries in `range`, at the first of them in its direction. Blocks that it
    /// reads are cached.
    pub(crate) fn cursor(self: &Arc<Self>, range: &KeyRange, direction: Direction) -> Result<SstCursor> {
        SstCursor::new(Arc::clone(self), range, direction, true)
    }

    /// A forward cursor over the whole file, for compaction: it uses cached blocks and caches none.
    pub(crate) fn sweep(self: &Arc<Self>) -> Result<SstCursor> {
        SstCursor::new(Arc::clone(self), &KeyRange::all(), Direction::Forward, false)
    }
}

impl SstCursor {
    fn new(
        reader: Arc<SstReader>,
        range: &KeyRange,
        direction: Direction,
        fills_cache: bool,
    ) -> Result<Self> {
        let positions = positions_of(&reader, range);
        let mut cursor = Self {
            reader,
            range: range.clone(),
            direction,
            fills_cache,
            span: positions.clone(),
            positions,
            block: None,
            position: 0,
            distinct: false,
            rows: 0..0,
            key: Vec::new(),
            key_size: 0,
            prefix_size: 0,
            seqno: SeqNo(0),
            kind: Kind::Delete,
            value: 0..0,
            ahead: ReadAhead::default(),
        };
        cursor.advance()?;
        Ok(cursor)
    }

    /// Makes the block at a position the current one.
    fn enter(&mut self, position: usize) -> Result<()> {
        let block = self.load(position)?;
        self.position = position;
        let start = if position == self.span.start { block.lower_bound(&self.range.start) } else { 0 };
        let end = self.range.end.as_ref().filter(|_| position + 1 == self.span.end);
        self.rows = start..end.map_or(block.row_count(), |end| block.lower_bound(end));
        self.distinct = block.is_distinct();
        self.prefix_size = block.prefix().len();
        self.key.resize(self.key.len().max(self.prefix_size), 0);
        self.key[..self.prefix_size].copy_from_slice(block.prefix());
        self.block = Some(block);
        Ok(())
    }

    /// Makes an entry of the block the current one.
    #[inline(always)]
    fn move_to(&mut self, index: usize) {
        let Some(block) = &self.block else { return };
        let (row, value) = block.row_and_value_span(index);
        // Not truncated and extended, which takes twice as long for a short key.
        self.key_size = self.prefix_size + row.suffix.len();
        if self.key.len() < self.key_size {
            self.key.resize(self.key_size, 0);
        }
        self.key[self.prefix_size..self.key_size].copy_from_slice(row.suffix);
        (self.seqno, self.kind, self.value) = (row.seqno, row.kind, value);
    }

    #[inline(always)]
    fn key(&self) -> &[u8] {
        &self.key[..self.key_size]
    }

    /// Advances within the block; returns whether there was another entry.
    #[inline(always)]
    fn step_in_block(&mut self) -> bool {
        let Some(index) = take(&mut self.rows, self.direction) else { return false };
        self.move_to(index);
        true
    }

    /// Advances to the first entry in the range in the following blocks.
    #[inline(never)]
    fn advance_to_block(&mut self) -> Result<()> {
        loop {
            // A block is released before the next one is read.
            self.block = None;
            let Some(position) = take(&mut self.positions, self.direction) else { return Ok(()) };
            self.enter(position)?;
            if self.step_in_block() {
                return Ok(());
            }
        }
    }

    fn load(&mut self, position: usize) -> Result<Arc<Block>> {
        if let Some(block) = self.reader.blocks.hold(position) {
            // A merge is no use of a block that it will make obsolete.
            if self.fills_cache {
                block.touch();
            }
            return Ok(block);
        }
        let block = self.ahead.block(&self.reader, position, &self.positions, self.direction)?;
        if self.fills_cache {
            self.reader.blocks.insert(position, &block);
        }
        Ok(block)
    }
}

impl SstCursor {
    /// Seeks to `key`: forward to the first entry not below it, backward to the last entry below
    /// it. `None` is the end of all keys. The range only shrinks, and the current entry is not
    /// visited again: it must be one that the seek passes.
    pub(crate) fn seek(&mut self, key: Option<&[u8]>) -> Result<()> {
        match (self.direction, key) {
            (Direction::Forward, Some(key)) => key.clone_into(&mut self.range.start),
            (Direction::Forward, None) => self.range.end = Some(Vec::new()),
            (Direction::Backward, key) => self.range.end = Some(key.unwrap_or_default().to_vec()),
        }
        self.span = positions_of(&self.reader, &self.range);
        self.positions = self.span.clone();
        let next = match self.direction {
            Direction::Forward => self.span.clone().next(),
            Direction::Backward => self.span.clone().next_back(),
        };
        let here = self.block.as_ref().filter(|_| next == Some(self.position));
        let Some(block) = here else { return self.advance_to_block() };
        // The key is in the current block, of which earlier entries are not visited again.
        let (start, end) = match self.direction {
            Direction::Forward => (block.lower_bound(&self.range.start).max(self.rows.start), self.rows.end),
            Direction::Backward => {
                let end = self.range.end.as_ref().map_or(self.rows.end, |end| block.lower_bound(end));
                (self.rows.start, end.min(self.rows.end))
            }
        };
        take(&mut self.positions, self.direction);
        self.rows = start..end.max(start);
        self.advance()
    }
}

impl EntryCursor for SstCursor {
    #[inline(always)]
    fn entry(&self) -> Option<Entry<'_>> {
        let value = &self.block.as_ref()?.payload()[self.value.clone()];
        Some(Entry { key: self.key(), seqno: self.seqno, kind: self.kind, value })
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        if self.step_in_block() { Ok(()) } else { self.advance_to_block() }
    }

    fn pass_older(&mut self, covered: &CoveredSpan, than: SeqNo) -> Result<bool> {
        if self.block.is_none() || self.reader.meta.largest_seqno >= than || !covered.contains(self.key()) {
            return Ok(false);
        }
        match self.direction {
            Direction::Forward => self.seek(covered.end.as_deref())?,
            Direction::Backward => self.seek(Some(&covered.start))?,
        }
        Ok(true)
    }

    #[inline]
    fn ends_key(&self) -> bool {
        // The versions of a key may continue in the next block, so the last entry of a block is
        // uncertain.
        self.distinct && !self.rows.is_empty()
    }

    #[inline(always)]
    fn step_near(&mut self) -> bool {
        self.distinct && self.step_in_block()
    }

    #[inline]
    fn live_at_hand(&self, at: SeqNo) -> usize {
        // Backward, the last entry may be an older version of a key that is also in the next block.
        match &self.block {
            Some(block) if block.is_live(at) => self.rows.len().saturating_sub(1),
            _ => 0,
        }
    }

    fn pass_live(&mut self, at: SeqNo, bound: Option<&[u8]>) -> usize {
        let at_hand = self.live_at_hand(at);
        let Some(block) = &self.block else { return 0 };
        let (start, end) = (self.rows.start, self.rows.end);
        let passed = match self.direction {
            Direction::Forward => {
                let before = bound.map_or(end, |bound| block.lower_bound(bound)).max(start);
                at_hand.min(before - start)
            }
            Direction::Backward => {
                let from = bound.map_or(start, |bound| block.lower_bound(&after(bound))).min(end);
                at_hand.min(end - from)
            }
        };
        if passed > 0 {
            let (rows, last) = match self.direction {
                Direction::Forward => (start + passed..end, start + passed - 1),
                Direction::Backward => (start..end - passed, end - passed),
            };
            self.rows = rows;
            self.move_to(last);
        }
        passed
    }
}

/// The next number in a direction.
#[inline]
fn take(range: &mut Range<usize>, direction: Direction) -> Option<usize> {
    match direction {
        Direction::Forward => range.next(),
        Direction::Backward => range.next_back(),
    }
}

/// The blocks that may hold keys of the range.
pub(super) fn positions_of(reader: &SstReader, range: &KeyRange) -> Range<usize> {
    let index = &reader.index;
    if range.is_empty() {
        return 0..0;
    }
    let Some(start) = index.find(&range.start) else {
        return 0..0;
    };
    let last = range.end.as_ref().and_then(|end| index.find(end));
    start..last.map_or(index.len(), |last| last + 1)
}

/// Readahead: encoded blocks that were read at once in a long scan, and not used yet.
///
/// The first miss reads two blocks, because a short scan often needs both, and each further miss
/// twice as many as the one before, up to a limit: a long scan makes few large reads. Both
/// directions work the same.
#[derive(Debug, Default)]
struct ReadAhead {
    /// The positions of the blocks in `bytes`, and the offset of the first.
    positions: Range<usize>,
    offset: u64,
    bytes: Vec<u8>,
    /// The number of blocks of the last read.
    count: usize,
}

impl ReadAhead {
    /// The block at a position. The blocks at the positions of `rest` may be needed next, in the
    /// order of the direction.
    fn block(
        &mut self,
        reader: &SstReader,
        position: usize,
        rest: &Range<usize>,
        direction: Direction,
    ) -> Result<Arc<Block>> {
        if !self.positions.contains(&position) {
            #[cfg(test)]
            crate::cursor::steps::note_read();
            self.read(reader, position, rest, direction)?;
        }
        let handle = reader.index.handle(position);
        let start = usize::try_from(handle.offset - self.offset).expect("an offset in what was read");
        reader.open_block(position, Cow::Borrowed(&self.bytes[start..start + handle.size as usize]))
    }

    fn read(
        &mut self,
        reader: &SstReader,
        position: usize,
        rest: &Range<usize>,
        direction: Direction,
    ) -> Result<()> {
        // Invalid until the read has succeeded.
        self.positions = 0..0;
        let count = 2 * self.count.max(1);
        let (offset, end) = (reader.index.handle(position).offset, reader.index.handle(position).end());
        let wanted = match direction {
            Direction::Forward => {
                let more = position + 1..rest.end.min(position + count);
                let fits = |&next: &usize| reader.index.handle(next).end() - offset <= MAX_AHEAD;
                position..more.take_while(fits).last().unwrap_or(position) + 1
            }
            Direction::Backward => {
                let more = rest.start.max((position + 1).saturating_sub(count))..position;
                let fits = |&next: &usize| end - reader.index.handle(next).offset <= MAX_AHEAD;
                more.rev().take_while(fits).last().unwrap_or(position)..position + 1
            }
        };
        self.offset = reader.index.handle(wanted.start).offset;
        let size = reader.index.handle(wanted.end - 1).end() - self.offset;
        self.bytes.resize(usize::try_from(size).expect("a read is bounded by the limits of blocks"), 0);
        reader.file.read_exact_at(&mut self.bytes, self.offset)?;
        self.count = wanted.len();
        self.positions = wanted;
        Ok(())
    }
}
