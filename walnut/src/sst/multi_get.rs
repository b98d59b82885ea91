//! Batched point lookups: prefetches what up to 16 lookups will touch, stage by stage, so that
//! their cache misses overlap.
//!
//! ```text
//! filter lines --> choose: file, block index --> fetch: slot, block --> head: fingerprints, offsets --> row --> lookup
//! ```
//!
//! Consecutive lookups wait for memory one after the other. When each stage of all lookups runs
//! before the next stage of any, they wait together. No file is read; a block that is not cached
//! leaves the lookup undecided.
//!
//! The bytes that the stages return only keep the compiler from removing the loads.

use smallvec::SmallVec;

use super::block::Block;
use super::cache::Epoch;
use super::reader::SstReader;
use crate::base::{KeyHash, Kind, SeqNo};

impl SstReader {
    /// Prefetches the filter's line for this hash, for a lookup that expects the key to be absent.
    #[inline]
    pub(crate) fn prefetch(&self, hash: KeyHash) -> u64 {
        self.filter.as_ref().map_or(0, |filter| filter.prefetch(hash))
    }
}

/// A lookup between two stages.
pub(crate) struct BatchedLookup<'s> {
    hash: KeyHash,
    /// The files whose range includes the key, newest first, and the index of the first whose
    /// filter does not exclude it.
    ssts: SmallVec<[&'s SstReader; 2]>,
    sst_index: usize,
    position: usize,
    block: Option<&'s Block>,
}

/// The result of a batched lookup.
pub(crate) enum Lookup<'s> {
    /// The newest version that is not newer than the seqno asked for.
    Found(Kind, &'s [u8]),
    /// None of the files holds the key.
    Absent,
    /// The block is not cached, so only a read can tell.
    NotCached,
}

impl<'s> BatchedLookup<'s> {
    /// The number of lookups that are best batched.
    pub(crate) const BATCH_SIZE: usize = 16;

    /// Begins a lookup of the key with this hash, in files whose range includes it, newest first.
    #[inline]
    pub(crate) fn new(hash: KeyHash, ssts: SmallVec<[&'s SstReader; 2]>) -> Self {
        Self { hash, ssts, sst_index: 0, position: 0, block: None }
    }

    /// Prefetches the filters' lines.
    #[inline]
    pub(crate) fn filters(&self) -> u64 {
        self.ssts.iter().fold(0, |sum, sst| sum ^ sst.prefetch(self.hash))
    }

    /// Chooses the first file whose filter does not exclude the key, and finds the key's block
    /// there.
    #[inline]
    pub(crate) fn choose(&mut self, key: &[u8]) {
        while let Some(sst) = self.ssts.get(self.sst_index) {
            if let Some(position) = sst.index.find(key)
                && !sst.denies(self.hash)
            {
                self.position = position;
                return;
            }
            self.sst_index += 1;
        }
    }

    /// Gets the block, if it is cached.
    #[inline]
    pub(crate) fn fetch(&mut self, epoch: &'s Epoch) {
        let sst = self.ssts.get(self.sst_index);
        self.block = sst.and_then(|sst| sst.blocks.peek(self.position, epoch));
    }

    /// Prefetches the fingerprints and offsets of the block.
    #[inline]
    pub(crate) fn head(&self) -> u8 {
        self.block.map_or(0, Block::prefetch)
    }

    /// Prefetches the entry that is likely the key's.
    #[inline]
    pub(crate) fn row(&self) -> u8 {
        self.block.map_or(0, |block| block.prefetch_row(self.hash.fingerprint()))
    }

    /// The newest version of the key that is not newer than `at`.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], at: SeqNo) -> Lookup<'s> {
        let Some(sst) = self.ssts.get(self.sst_index) else { return Lookup::Absent };
        let row = self.block.and_then(|block| block.find(key, self.hash.fingerprint(), at));
        row.map_or(Lookup::NotCached, |row| {
            sst.blocks.count(true);
            self.block.inspect(|block| block.touch());
            Lookup::Found(row.kind, row.value)
        })
    }
}
