//! Flush: writes a memtable to SSTs of level 0, without the entries that no reader needs.
//!
//! A memtable has every version of a key that is overwritten often, and every range tombstone of
//! ranges deleted repeatedly. Readers that began before the flush keep the memtable; later ones
//! read at one of the boundaries or above: see [`Garbage`].

use super::garbage_filter::{FoldedAdds, GarbageFilter, ProgressHook};
use super::older_runs::OlderRuns;
use super::output_files::{OutputFiles, OutputSplitter};
use crate::base::{Entry, FileNumber, Fragment, FragmentSource};
use crate::cursor::EntryCursor;
use crate::error::Result;
use crate::manifest::Version;
use crate::mvcc::Garbage;
use crate::sst::{FinishedSst, SstStore};

/// A flush in progress. Dropping it removes the SSTs.
pub(crate) struct Flushing<'a, S, N> {
    filter: GarbageFilter<'a, S, N>,
    older_runs: OlderRuns<'a>,
}

impl<'a, S: FragmentSource, N: FnMut() -> Result<FileNumber>> Flushing<'a, S, N> {
    /// `version` is everything older than the memtable; `ranges` are the memtable's range
    /// tombstones, one source for each stripe.
    pub(crate) fn new(
        sst_store: &'a SstStore,
        version: &'a Version,
        garbage: Garbage,
        ranges: Vec<S>,
        numbers: N,
        progress: &'a ProgressHook<'a>,
    ) -> Result<Self> {
        let output_files = OutputFiles::new(sst_store, OutputSplitter::single_file(), numbers);
        let older_runs = OlderRuns::all_of(version);
        let is_oldest = |fragment: &Fragment| !OlderRuns::all_of(version).may_hold_any(fragment);
        Ok(Self {
            filter: GarbageFilter::new(garbage, ranges, is_oldest, output_files, progress)?,
            older_runs,
        })
    }

    /// Returns whether the next entry, in internal-key order, is kept. `is_absent` is called for
    /// tombstones, and returns whether filters rule out that an SST whose range includes the key
    /// has it.
    pub(crate) fn keeps(&mut self, entry: &Entry<'_>, is_absent: impl FnOnce(&[u8]) -> bool) -> Result<bool> {
        self.filter.keeps(entry, |key| !self.older_runs.may_hold(key) || is_absent(key))
    }

    /// Folds the adds that begin at the current entry, which is kept; leaves the cursor after them.
    pub(crate) fn fold(&mut self, entries: &mut impl EntryCursor) -> Result<FoldedAdds> {
        self.filter.fold(entries, |key| !self.older_runs.may_hold(key))
    }

    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.filter.add(entry)
    }

    /// The SSTs, which share no key, durable and still under temporary names: a single one unless
    /// there are very many range tombstones, and none when nothing is kept.
    pub(crate) fn finish(self) -> Result<Vec<FinishedSst>> {
        self.filter.finish()
    }
}
