//! `MultiGet`: point reads of many keys. A few are prefetched together, then decided one by one; or
//! their memory is only prefetched.
//!
//! Memory answers after some hundred nanoseconds, and a processor waits for about ten answers at
//! once. A single look-up asks for one thing after the other: a line of a filter, a block, its
//! fingerprints, a row. What several ask for at the same time arrives at the same time.
//!
//! Most keys are decided by the batched lookup. All others are looked up as a single key is: one of
//! which a memtable has a version, one in a file that is not open or under range tombstones, one
//! with a newer version than the reader may see, or with a value in the value log, and one that is
//! nowhere although a filter lets it pass. So the rules of a get are in read.rs alone.

use std::hint::black_box;

use smallvec::SmallVec;

use crate::base::{KeyHash, Kind, SeqNo};
use crate::engine::read::PointReader;
use crate::error::Result;
use crate::memtable::Memtable;
use crate::sst::{BatchedLookup, Epoch, Lookup};

/// The ways to a few keys; `None` for one that has to be looked up alone.
type BatchedLookups<'s> = SmallVec<[Option<BatchedLookup<'s>>; BatchedLookup::BATCH_SIZE]>;

impl<'a> PointReader<'a> {
    /// Passes to `found` the value of each of `keys` in turn, or that there is none, until it
    /// fails.
    ///
    /// Cost: for each key that of [`get`](Self::get).
    pub(crate) fn get_many(
        self,
        keys: &[&[u8]],
        mut found: impl FnMut(Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        for keys in keys.chunks(BatchedLookup::BATCH_SIZE) {
            let epoch = Epoch::enter();
            for (key, approach) in keys.iter().zip(self.approach(keys, &epoch)) {
                match approach.map_or(Lookup::NotCached, |approach| approach.lookup(key, self.at())) {
                    Lookup::Found(Kind::Put, value) => found(Some(value))?,
                    Lookup::Found(Kind::Delete, _) | Lookup::Absent => found(None)?,
                    Lookup::Found(..) | Lookup::NotCached => {
                        self.get(key, |value| found(Some(value)))?.unwrap_or_else(|| found(None))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Prefetches what reads of these keys will look at in any case, all at once: their places in
    /// the memtables, and what the filters say of them. A caller that expects to find none of them
    /// needs no more.
    pub(crate) fn prefetch(self, keys: &[&[u8]]) {
        let view = self.view();
        let hashes: SmallVec<[KeyHash; 32]> = keys.iter().map(|key| KeyHash::of(key)).collect();
        // Few instructions lie between one call and the next, or the processor would not come to
        // the next while it waits.
        let mut sum = 0;
        for memtable in view.memtables() {
            sum = hashes.iter().fold(sum, |sum, hash| sum ^ memtable.prefetch(*hash));
        }
        for run in view.levels.runs() {
            for (key, hash) in keys.iter().zip(&hashes) {
                let sst = run.find(key).and_then(|sst| sst.if_plain());
                sum ^= sst.map_or(0, |sst| sst.prefetch(*hash));
            }
        }
        black_box(sum);
    }

    /// Takes each step towards all the keys before the next one, so that what they read is called
    /// for at once.
    fn approach<'s>(self, keys: &[&[u8]], epoch: &'s Epoch) -> BatchedLookups<'s>
    where
        'a: 's,
    {
        let mut approaches: BatchedLookups<'s> = keys.iter().map(|key| self.begin(key)).collect();
        black_box(approaches.iter().flatten().fold(0, |sum, approach| sum ^ approach.filters()));
        for (key, approach) in keys.iter().zip(&mut approaches) {
            if let Some(approach) = approach {
                approach.choose(key);
            }
        }
        approaches.iter_mut().flatten().for_each(|approach| approach.fetch(epoch));
        black_box(approaches.iter().flatten().fold(0, |sum, approach| sum ^ approach.head()));
        black_box(approaches.iter().flatten().fold(0, |sum, approach| sum ^ approach.row()));
        approaches
    }

    /// The way to a key that open SSTs alone decide about.
    fn begin(self, key: &[u8]) -> Option<BatchedLookup<'a>> {
        let hash = KeyHash::of(key);
        let is_free = |memtable: &Memtable| {
            memtable.get(key, hash, SeqNo::MAX, |_| ()).is_none()
                && memtable.covering(key, SeqNo::MAX).is_none()
        };
        if !self.view().memtables().all(|memtable| is_free(memtable)) {
            return None;
        }
        let candidates = self.view().levels.candidates(key);
        let ssts = candidates.map(|(sst, _)| sst.if_plain()).collect::<Option<_>>()?;
        Some(BatchedLookup::new(hash, ssts))
    }
}
