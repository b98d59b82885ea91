//! Writes the kept entries and range tombstones to one SST after the other.
//!
//! ```text
//!   entries             a   d   f | k   m      p |
//!   range tombstones      [c ──── | ────n)       | [r ── t)
//!   files               | to k    | from k to p0 | ..
//! ```
//!
//! A file ends right before a key, and a range tombstone over that key is cut in two there. So
//! everything about a key is in one file, and each file ends at or before the first key of the
//! next. Readers hold the range tombstones of a file in memory, so a file also ends when it has
//! many of them.

use std::collections::VecDeque;

use super::output_splitter::OutputSplitter;
use crate::base::{Entry, FileNumber, Fragment};
use crate::error::Result;
use crate::sst::{FinishedSst, SstStore, TempSst};

/// The size of range tombstones at which a file ends; small in tests, so that it is reached often.
const MAX_RANGES_SIZE: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// The output of a flush or merge. Dropping it removes the files.
pub(super) struct OutputFiles<'a, N> {
    sst_store: &'a SstStore,
    /// Returns the number of the next file.
    numbers: N,
    splitter: OutputSplitter<'a>,
    /// The fragments that are not written yet, in key order.
    ranges: VecDeque<Fragment>,
    open: Option<TempSst>,
    finished: Vec<FinishedSst>,
    /// The key of the last entry.
    key: Vec<u8>,
}

impl<'a, N: FnMut() -> Result<FileNumber>> OutputFiles<'a, N> {
    pub(super) fn new(sst_store: &'a SstStore, splitter: OutputSplitter<'a>, numbers: N) -> Self {
        let (ranges, finished) = (VecDeque::new(), Vec::new());
        Self { sst_store, numbers, splitter, ranges, open: None, finished, key: Vec::new() }
    }

    /// Queues the next fragment; it is written once the entries are past it. A fragment that begins
    /// before an entry must be added before that entry.
    pub(super) fn add_fragment(&mut self, fragment: Fragment) {
        self.ranges.push_back(fragment);
    }

    /// Adds the next entry, in internal-key order.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        if self.open.is_none() || entry.key != self.key {
            self.write_ranges(Some(entry.key))?;
            self.cut_before(entry.key)?;
        }
        self.open(entry.key)?.add(entry)?;
        self.key.clear();
        self.key.extend_from_slice(entry.key);
        Ok(())
    }

    /// The SSTs, durable and still under temporary names.
    pub(super) fn finish(mut self) -> Result<Vec<FinishedSst>> {
        self.write_ranges(None)?;
        self.end_file()?;
        Ok(self.finished)
    }

    /// Writes the fragments that end at or before `key`, or all of them.
    pub(super) fn write_ranges(&mut self, key: Option<&[u8]>) -> Result<()> {
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

    /// Ends the current file before `key`, if the splitter or the size of its range tombstones asks
    /// for it. `key` must be above everything in the file.
    fn cut_before(&mut self, key: &[u8]) -> Result<()> {
        let Some(sst) = &mut self.open else { return Ok(()) };
        let ends_here = self.splitter.before(key, sst.estimated_size());
        if !ends_here && sst.ranges_size() < MAX_RANGES_SIZE {
            return Ok(());
        }
        if let Some(next) = self.ranges.front_mut().filter(|next| *next.start < *key) {
            let rest = Fragment { start: key.to_vec(), ..next.clone() };
            let first = Fragment { end: key.to_vec(), ..std::mem::replace(next, rest) };
            sst.add_fragment(&first)?;
        }
        self.end_file()
    }

    fn end_file(&mut self) -> Result<()> {
        if let Some(sst) = self.open.take() {
            self.finished.push(sst.finish()?);
        }
        Ok(())
    }

    /// The current file; begins a new one at `key` when there is none.
    fn open(&mut self, key: &[u8]) -> Result<&mut TempSst> {
        Ok(match &mut self.open {
            Some(sst) => sst,
            none => {
                self.splitter.begin(key);
                none.insert(self.sst_store.begin((self.numbers)()?)?)
            }
        })
    }
}
