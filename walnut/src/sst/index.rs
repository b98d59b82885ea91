//! The index of an SST: the handle and the separator of each data block.
//!
//! On disk it is a size and a separator for each block (format.rs); in memory the separators become
//! a [`BlockIndex`] and the sizes become offsets. Blocks are adjacent, so the sizes alone determine
//! the offsets, and no index can make two blocks overlap.

use super::block_index::BlockIndex;
use super::format::{BlockHandle, MAX_BLOCK_SIZE, TRAILER_LEN};
use crate::codec::{Reader, Writer};
use crate::crypt::Sealer;
use crate::error::Fault;

/// The offsets of the data blocks and their separators.
#[derive(Debug)]
pub(super) struct IndexBlock {
    pub(super) fences: BlockIndex,
    /// The offset of each block, and the end of the last one.
    offsets: Box<[u64]>,
}

impl IndexBlock {
    /// Decodes the index of a file whose data blocks end at `data_end`.
    pub(super) fn decode(payload: &[u8], sealer: &Sealer, data_end: u64) -> Result<Self, Fault> {
        let trailer_size = TRAILER_LEN + sealer.seal_size();
        let mut reader = Reader::new(payload);
        let mut offset = sealer.header_size() as u64;
        let mut offsets = vec![offset];
        let mut separators = Vec::new();
        while !reader.is_empty() {
            let size = reader.varint()?;
            if size <= trailer_size as u64 || size > (MAX_BLOCK_SIZE + trailer_size) as u64 {
                return Err(Fault::Invalid("size of a block in the index"));
            }
            offset += size;
            // Checked at once, so that the file's size bounds the memory that is allocated here.
            if offset > data_end {
                return Err(Fault::Invalid("end of the blocks in the index"));
            }
            offsets.push(offset);
            separators.push(reader.prefixed()?);
        }
        if offset != data_end {
            return Err(Fault::Invalid("end of the blocks in the index"));
        }
        Ok(Self { fences: BlockIndex::new(&separators)?, offsets: offsets.into() })
    }

    pub(super) fn encode_block(sealed_size: u32, separator: &[u8], payload: &mut Vec<u8>) {
        payload.put_varint(u64::from(sealed_size));
        payload.put_prefixed(separator);
    }

    pub(super) fn handle(&self, position: usize) -> BlockHandle {
        let offset = self.offsets[position];
        let size =
            u32::try_from(self.offsets[position + 1] - offset).expect("each size was read as one of a block");
        BlockHandle { offset, size }
    }

    pub(super) fn data_end(&self) -> u64 {
        self.offsets[self.offsets.len() - 1]
    }

    pub(super) fn memory_size(&self) -> usize {
        self.fences.memory_size() + size_of_val(&*self.offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(blocks: &[(u32, &[u8])]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (size, separator) in blocks {
            IndexBlock::encode_block(*size, separator, &mut payload);
        }
        payload
    }

    fn decode(payload: &[u8], data_end: u64) -> Result<IndexBlock, Fault> {
        IndexBlock::decode(payload, &Sealer::checksummed(7), data_end)
    }

    #[test]
    fn blocks_lie_where_the_sizes_say() {
        let index = decode(&payload(&[(100, b"b"), (50, b"d"), (300, b"d")]), 514).expect("a valid index");
        assert_eq!(index.fences.len(), 3);
        let handles: Vec<_> = (0..3).map(|position| index.handle(position)).collect();
        assert_eq!(handles[0], BlockHandle { offset: 64, size: 100 });
        assert_eq!(handles[2], BlockHandle { offset: 214, size: 300 });
    }

    #[test]
    fn an_index_that_does_not_fit_the_file_is_refused() {
        let refused = |blocks: &[(u32, &[u8])], end| decode(&payload(blocks), end).map(|_| ());
        let end: Result<(), Fault> = Err(Fault::Invalid("end of the blocks in the index"));
        assert_eq!(refused(&[(100, b"b")], 164), Ok(()));
        assert_eq!(refused(&[(100, b"b")], 163), end);
        assert_eq!(refused(&[(100, b"b")], 165), end);
        assert_eq!((refused(&[], 64), refused(&[], 65)), (Ok(()), end.clone()));
        assert_eq!(refused(&[(9, b"b")], 73), Err(Fault::Invalid("size of a block in the index")));
        assert_eq!(
            refused(&[(u32::MAX, b"b")], u64::MAX),
            Err(Fault::Invalid("size of a block in the index"))
        );
        assert_eq!(refused(&[(50, b"b"), (50, b"a")], 164), Err(Fault::Order));
        let whole = payload(&[(100, b"b")]);
        assert_eq!(decode(&whole[..whole.len() - 1], 164).map(|_| ()), Err(Fault::Truncated));
    }
}
