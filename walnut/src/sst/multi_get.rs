//! On the way to a key: calls for the memory that a look-up needs, without waiting for it.
//!
//! ```text
//! filter: lines --> choose: file, fences --> fetch: slot, block --> head: fingerprints, offsets --> row --> find
//! ```
//!
//! Look-ups that follow each other wait for memory one after the other. When several are approached first, each step of all of
//! them before the next step of any, they wait together. No file is read, and what is in no cache stays undecided.
//!
//! The bytes that steps return are there so that the compiler keeps the loads.

use smallvec::SmallVec;

use super::block::Block;
use super::reader::SstReader;
use super::slot::Epoch;
use crate::base::{KeyHash, Kind, SeqNo};

impl SstReader {
    /// Calls for what the filter says of the key with this hash, for those who expect that it is not here.
    #[inline]
    pub(crate) fn prefetch(&self, hash: KeyHash) -> u64 {
        self.filter.as_ref().map_or(0, |filter| filter.prefetch(hash))
    }
}

/// A look-up that has come so far.
pub(crate) struct BatchedLookup<'s> {
    hash: KeyHash,
    /// The files that can hold the key, newest first, and which of them is the first that does not deny it.
    ssts: SmallVec<[&'s SstReader; 2]>,
    chosen: usize,
    position: usize,
    block: Option<&'s Block>,
}

/// What an approach has come to.
pub(crate) enum Lookup<'s> {
    /// The kind and the value of the newest version that is not above the number asked for.
    Found(Kind, &'s [u8]),
    /// None of the files holds the key.
    Absent,
    /// Only a look-up can tell.
    NotCached,
}

impl<'s> BatchedLookup<'s> {
    /// How many are best made together.
    pub(crate) const SIDE_BY_SIDE: usize = 16;

    /// Towards the key with this hash, in files that can hold it, newest first.
    #[inline]
    pub(crate) fn new(hash: KeyHash, ssts: SmallVec<[&'s SstReader; 2]>) -> Self {
        Self { hash, ssts, chosen: 0, position: 0, block: None }
    }

    /// Calls for the filters' lines.
    #[inline]
    pub(crate) fn filters(&self) -> u64 {
        self.ssts.iter().fold(0, |sum, sst| sum ^ sst.prefetch(self.hash))
    }

    /// Chooses the first file that does not deny the key, and finds the key's place there.
    #[inline]
    pub(crate) fn choose(&mut self, key: &[u8]) {
        while let Some(sst) = self.ssts.get(self.chosen) {
            if let Some(position) = sst.index.fences.find(key)
                && !sst.denies(self.hash)
            {
                self.position = position;
                return;
            }
            self.chosen += 1;
        }
    }

    /// Finds the block, if it is cached.
    #[inline]
    pub(crate) fn fetch(&mut self, epoch: &'s Epoch) {
        let sst = self.ssts.get(self.chosen);
        self.block = sst.and_then(|sst| sst.blocks.peek(self.position, epoch));
    }

    /// Calls for the head of the block.
    #[inline]
    pub(crate) fn head(&self) -> u8 {
        self.block.map_or(0, Block::prefetch)
    }

    /// Calls for the row that is likely to be the key's.
    #[inline]
    pub(crate) fn row(&self) -> u8 {
        self.block.map_or(0, |block| block.prefetch_row(self.hash.fingerprint()))
    }

    /// The newest version of the key that is not above `at`.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], at: SeqNo) -> Lookup<'s> {
        let Some(sst) = self.ssts.get(self.chosen) else { return Lookup::Absent };
        let row = self.block.and_then(|block| block.find(key, self.hash.fingerprint(), at));
        row.map_or(Lookup::NotCached, |row| {
            sst.blocks.note(self.block);
            Lookup::Found(row.kind, row.value)
        })
    }
}
