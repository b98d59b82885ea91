//! On the way to a key: calls for the memory that a look-up will need, without waiting for it.
//!
//! ```text
//! begin: filter, fences --> fetch: slot --> head: block --> row: fingerprints, row
//! ```
//!
//! Look-ups that follow each other wait for memory one after the other. When several are approached first, each step of all of
//! them before the next step of any, they wait together. It changes nothing, reads no file and answers nothing: an approach that
//! went astray costs time only.
//!
//! 1. No step uses what it calls for itself; the bytes that are returned are there so that the compiler keeps the loads.
//! 2. `fetch` holds a block. Few are held at once for nothing: keep no more than [`Approach::SIDE_BY_SIDE`].

use super::cache::CachedBlock;
use super::reader::SstReader;
use crate::base::KeyHash;

impl SstReader {
    /// Calls for what the filter says of the key with this hash, for those who expect that it is not here.
    #[inline]
    pub(crate) fn call_for(&self, hash: KeyHash) -> u64 {
        self.filter.as_ref().map_or(0, |filter| filter.call_for(hash))
    }
}

/// A look-up that has come so far.
pub(crate) struct Approach<'s> {
    sst: &'s SstReader,
    position: usize,
    hash: KeyHash,
    block: Option<CachedBlock>,
}

impl<'s> Approach<'s> {
    /// How many are best made together.
    pub(crate) const SIDE_BY_SIDE: usize = 6;

    /// Towards a key; `None` when the key is not in this SST. `hash` is that of the key.
    #[inline]
    pub(crate) fn begin(sst: &'s SstReader, key: &[u8], hash: KeyHash) -> Option<Self> {
        if sst.filter.as_ref().is_some_and(|filter| !filter.may_contain(hash)) {
            return None;
        }
        let position = sst.index.fences.find(key)?;
        Some(Self { sst, position, hash, block: None })
    }

    /// Takes hold of the block, if it is cached.
    #[inline]
    pub(crate) fn fetch(&mut self) {
        self.block = Some(self.sst.blocks.peek(self.position));
    }

    /// Calls for the head of the block.
    #[inline]
    pub(crate) fn head(&self) -> u8 {
        let block = self.block.as_ref().and_then(|block| block.as_ref());
        block.map_or(0, |block| block.approach())
    }

    /// Calls for the row that is likely to be the key's.
    #[inline]
    pub(crate) fn row(&self) -> u8 {
        let block = self.block.as_ref().and_then(|block| block.as_ref());
        block.map_or(0, |block| block.approach_row(self.hash.fingerprint()))
    }
}
