//! Readahead of a cursor: reads several data blocks at once in a long scan.
//!
//! The first miss reads two blocks, because a short scan often needs both, and each further miss
//! twice as many as the one before, up to a limit: a long scan makes few large reads. Both
//! directions work the same.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::block::Block;
use super::reader::SstReader;
use crate::cursor::Direction;
use crate::error::Result;

/// The most bytes that are read ahead.
const MAX_AHEAD: u64 = 256 << 10;

/// Encoded blocks that were read and not used yet.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
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
    pub(super) fn block(
        &mut self,
        reader: &SstReader,
        position: usize,
        rest: &Range<usize>,
        direction: Direction,
    ) -> Result<Arc<Block>> {
        if !self.positions.contains(&position) {
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
