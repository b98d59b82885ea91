//! Point reads of many keys: a few are approached, or called for, together, then read one by one.
//!
//! Memory answers after some hundred nanoseconds, and a processor waits for about ten answers at once. A single look-up asks for
//! one thing after the other: a block's head, its fingerprints, a row. What several ask for at the same time arrives at the same time.

use std::hint::black_box;

use smallvec::SmallVec;

use super::read::Reader;
use super::view::View;
use crate::base::KeyHash;
use crate::error::Result;
use crate::sst::Approach;

impl Reader<'_> {
    /// Gives the value of each of `keys` that has one to `found`, with the key's place, in the order given.
    ///
    /// Cost: for each key that of [`get`](Self::get).
    pub(crate) fn get_many(self, keys: &[&[u8]], mut found: impl FnMut(usize, &[u8])) -> Result<()> {
        let mut place = 0;
        for keys in keys.chunks(Approach::SIDE_BY_SIDE) {
            self.view().approach(keys);
            for key in keys {
                self.get(key, |value| found(place, value))?;
                place += 1;
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Calls for what reads of these keys will look at in any case, all at once: where they would stand in the memtables, and what
    /// the filters say of them. Those who expect to find none of them need no more.
    pub(crate) fn call_for(self, keys: &[&[u8]]) {
        let view = self.view();
        let hashes: SmallVec<[KeyHash; 32]> = keys.iter().map(|key| KeyHash::of(key)).collect();
        // Few instructions lie between one call and the next, or the processor would not come to the next while it waits.
        let mut sum = 0;
        for memtable in view.memtables() {
            sum = hashes.iter().fold(sum, |sum, hash| sum ^ memtable.call_for(*hash));
        }
        for run in view.levels.runs() {
            for (key, hash) in keys.iter().zip(&hashes) {
                let sst = run.find(key).and_then(|sst| sst.if_open());
                sum ^= sst.map_or(0, |sst| sst.call_for(*hash));
            }
        }
        black_box(sum);
    }
}

impl View {
    /// Calls for what reads of these keys will need, all at once. A key is approached where it is likely to be: in the newest
    /// SST that does not deny it.
    fn approach(&self, keys: &[&[u8]]) {
        if keys.len() < 2 {
            return;
        }
        let begin = |key: &&[u8]| {
            let hash = KeyHash::of(key);
            let mut open = self.levels.candidates(key).filter_map(|(sst, _)| sst.if_open());
            open.find_map(|sst| Approach::begin(sst, key, hash))
        };
        let mut approaches: SmallVec<[Approach<'_>; Approach::SIDE_BY_SIDE]> =
            keys.iter().filter_map(begin).collect();
        approaches.iter_mut().for_each(Approach::fetch);
        black_box(approaches.iter().fold(0, |sum, approach| sum ^ approach.head()));
        black_box(approaches.iter().fold(0, |sum, approach| sum ^ approach.row()));
    }
}
