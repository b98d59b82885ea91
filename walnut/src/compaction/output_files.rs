//! Writes the entries and range tombstones that a merge keeps to one SST after the other.
//!
//! ```text
//!   entries             a   d   f | k   m      p |
//!   range tombstones      [c ──── | ────n)       | [r ── t)
//!   files               | to k    | from k to p0 | ..
//! ```
//!
//! A file ends right before a key, and a range tombstone over that key is cut in two there. So for each key all that is known
//! of it stands in one file, and each file ends where the next begins at the latest. The range tombstones of a file are held in memory by
//! those who read it, so a file ends also when it has many of them.

use std::collections::VecDeque;

use super::output_splitter::OutputSplitter;
use crate::base::{Entry, FileNumber, Fragment};
use crate::error::Result;
use crate::sst::{FinishedSst, SstStore, TempSst};

/// The bytes of range tombstones at which a file ends; few in tests, so that files end there all the time.
const MAX_RANGES_SIZE: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// The outputs of a flush or a merge. Dropping it removes them.
pub(super) struct OutputFiles<'a, N> {
    place: &'a SstStore,
    /// Gives the number of the next file.
    numbers: N,
    cuts: OutputSplitter<'a>,
    /// The range tombstones that were handed over and not written yet, in order.
    ranges: VecDeque<Fragment>,
    open: Option<TempSst>,
    whole: Vec<FinishedSst>,
    /// The key of the last entry.
    key: Vec<u8>,
}

impl<'a, N: FnMut() -> Result<FileNumber>> OutputFiles<'a, N> {
    pub(super) fn new(place: &'a SstStore, cuts: OutputSplitter<'a>, numbers: N) -> Self {
        let (ranges, whole) = (VecDeque::new(), Vec::new());
        Self { place, numbers, cuts, ranges, open: None, whole, key: Vec::new() }
    }

    /// Hands over the next fragment, which is written when the entries are through with it. Those that begin before an entry come before
    /// it.
    pub(super) fn add_fragment(&mut self, fragment: Fragment) {
        self.ranges.push_back(fragment);
    }

    /// Adds the next entry, in internal order.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        if self.open.is_none() || entry.key != self.key {
            self.pass_ranges(Some(entry.key))?;
            self.cut_before(entry.key)?;
        }
        self.open(entry.key)?.add(entry)?;
        self.key.clear();
        self.key.extend_from_slice(entry.key);
        Ok(())
    }

    /// The files, all of them durable and none under its own name.
    pub(super) fn finish(mut self) -> Result<Vec<FinishedSst>> {
        self.pass_ranges(None)?;
        self.end_file()?;
        Ok(self.whole)
    }

    /// Writes the range tombstones that end at or before `key`, or all of them.
    pub(super) fn pass_ranges(&mut self, key: Option<&[u8]>) -> Result<()> {
        let passes = |next: &Fragment| key.is_none_or(|key| *next.end <= *key);
        while self.ranges.front().is_some_and(passes) {
            let Some(fragment) = self.ranges.pop_front() else { break };
            if *fragment.start > *self.key {
                self.cut_before(&fragment.start)?;
            }
            self.open(&fragment.start)?.add_fragment(&fragment)?;
        }
        Ok(())
    }

    /// Ends the file before `key`, which comes after all that is in it, if it is to end there.
    fn cut_before(&mut self, key: &[u8]) -> Result<()> {
        let Some(draft) = &mut self.open else { return Ok(()) };
        let cuts = self.cuts.before(key, draft.estimated_size());
        if !cuts && draft.ranges_size() < MAX_RANGES_SIZE {
            return Ok(());
        }
        if let Some(next) = self.ranges.front_mut().filter(|next| *next.start < *key) {
            let rest = Fragment { start: key.to_vec(), ..next.clone() };
            let head = Fragment { end: key.to_vec(), ..std::mem::replace(next, rest) };
            draft.add_fragment(&head)?;
        }
        self.end_file()
    }

    fn end_file(&mut self) -> Result<()> {
        if let Some(draft) = self.open.take() {
            self.whole.push(draft.finish()?);
        }
        Ok(())
    }

    /// The file that is being written; a new one begins with `key`.
    fn open(&mut self, key: &[u8]) -> Result<&mut TempSst> {
        Ok(match &mut self.open {
            Some(draft) => draft,
            none => {
                self.cuts.begin(key);
                none.insert(self.place.begin((self.numbers)()?)?)
            }
        })
    }
}
