//! Reads data blocks for a cursor, several at once when it goes on and on.
//!
//! The first miss reads one block, each further one twice as many as the one before, up to a limit: a short scan
//! reads no more than it needs, a long one makes few large reads.

use std::ops::Range;
use std::sync::Arc;

use super::block::Block;
use super::reader::SstReader;
use crate::error::Result;

/// The most that is read ahead, in bytes.
const MAX_AHEAD: u64 = 256 << 10;

/// Sealed blocks that were read and not yet used.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    /// The positions of the blocks in `bytes`, and where these begin in the file.
    positions: Range<usize>,
    offset: u64,
    bytes: Vec<u8>,
    /// How many blocks the last read took.
    count: usize,
}

impl ReadAhead {
    /// The block at a position. Blocks up to `end` may be wanted afterwards, in order.
    pub(super) fn block(&mut self, reader: &SstReader, position: usize, end: usize) -> Result<Arc<Block>> {
        if !self.positions.contains(&position) {
            self.read(reader, position, end)?;
        }
        let handle = reader.index.handle(position);
        let start = usize::try_from(handle.offset - self.offset).expect("an offset in what was read");
        reader.open_block(position, &self.bytes[start..start + handle.size as usize])
    }

    fn read(&mut self, reader: &SstReader, position: usize, end: usize) -> Result<()> {
        // Nothing is held while this can fail half way.
        self.positions = 0..0;
        self.offset = reader.index.handle(position).offset;
        let wanted = position..end.max(position + 1).min(position + 2 * self.count.max(1));
        let fits = |&next: &usize| reader.index.handle(next).end() - self.offset <= MAX_AHEAD;
        let last = wanted.take_while(fits).last().unwrap_or(position);
        let size = reader.index.handle(last).end() - self.offset;
        self.bytes.resize(usize::try_from(size).expect("a read is bounded by the limits of blocks"), 0);
        reader.file.read_exact_at(&mut self.bytes, self.offset)?;
        self.positions = position..last + 1;
        self.count = self.positions.len();
        Ok(())
    }
}
