//! Writes what a memtable holds to SSTs of level 0, without what no reader needs.
//!
//! Of a key that is written often, and of ranges that are removed over each other, a memtable has every version. Readers who began before
//! the flush keep the memtable; whoever comes later reads at one of the boundaries or above: see [`Garbage`].

use super::fold::FoldedAdds;
use super::garbage_filter::{GarbageFilter, ProgressHook};
use super::older_runs::OlderRuns;
use super::output_files::OutputFiles;
use super::output_splitter::OutputSplitter;
use crate::base::{Entry, FileNumber, Fragment, FragmentSource};
use crate::cursor::EntryCursor;
use crate::error::Result;
use crate::manifest::Version;
use crate::mvcc::Garbage;
use crate::sst::{FinishedSst, SstStore};

/// The SSTs of a memtable, while they are written. Dropping it removes them.
pub(crate) struct Flushing<'a, S, N> {
    sieve: GarbageFilter<'a, S, N>,
    beneath: OlderRuns<'a>,
}

impl<'a, S: FragmentSource, N: FnMut() -> Result<FileNumber>> Flushing<'a, S, N> {
    /// `version` is all that is older than the memtable, `ranges` has its range tombstones, for each stripe of history apart.
    pub(crate) fn new(
        place: &'a SstStore,
        version: &'a Version,
        garbage: Garbage,
        ranges: Vec<S>,
        numbers: N,
        go_on: &'a ProgressHook<'a>,
    ) -> Result<Self> {
        let outputs = OutputFiles::new(place, OutputSplitter::new(u64::MAX, &[]), numbers);
        let beneath = OlderRuns::all_of(version);
        let is_oldest = |fragment: &Fragment| !OlderRuns::all_of(version).may_hold_any(fragment);
        Ok(Self { sieve: GarbageFilter::new(garbage, ranges, is_oldest, outputs, go_on)?, beneath })
    }

    /// Whether the next entry, in internal order, is kept. `is_denied` says that no SST in whose range a key lies has it, as far as
    /// that is known; it is asked about tombstones.
    pub(crate) fn keeps(&mut self, entry: &Entry<'_>, is_denied: impl FnOnce(&[u8]) -> bool) -> Result<bool> {
        self.sieve.keeps(entry, |key| !self.beneath.may_hold(key) || is_denied(key))
    }

    /// The add on which a cursor stands, which is kept, with what is folded into it; the cursor goes on behind that.
    pub(crate) fn fold(&mut self, entries: &mut impl EntryCursor) -> Result<FoldedAdds> {
        self.sieve.fold(entries, |key| !self.beneath.may_hold(key))
    }

    /// Writes an entry that is kept.
    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.sieve.add(entry)
    }

    /// SSTs that share no key, durable and under the names of drafts: a single one unless there are very many range tombstones,
    /// and none when nothing is kept.
    pub(crate) fn finish(self) -> Result<Vec<FinishedSst>> {
        self.sieve.finish()
    }
}
