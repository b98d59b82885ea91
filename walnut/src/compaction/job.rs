//! Runs a merge: reads the inputs, drops what no reader can see, writes the rest.
//!
//! The sequence number of an entry is zeroed once no reader needs it, which saves a fifth of an
//! index. This never happens in level 0, whose files are ordered by sequence number.

use std::sync::Arc;

use super::fully_deleted::RunRanges;
use super::garbage_filter::{GarbageFilter, ProgressHook};
use super::level_sizes::LeveledConfig;
use super::older_runs::OlderRuns;
use super::output_files::{OutputFiles, OutputSplitter};
use super::pick::Merge;
use super::value_gc::{GcOutput, Relocation, ValueRelocator};
use crate::base::{Entry, FileNumber, Fragment, Kind, SeqNo};
use crate::cursor::{self, ConcatCursor, Direction, EntryCursor, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::mvcc::Garbage;
use crate::sst::{Sst, SstCursor, SstMeta, SstStore, warm_cache};

pub(crate) struct MergeJob<'a> {
    pub(crate) merge: &'a Merge,
    /// The version from which the merge was picked. Below the output level it must not change until
    /// the merge is done.
    pub(crate) version: &'a Version,
    pub(crate) sst_store: &'a Arc<SstStore>,
    pub(crate) config: &'a LeveledConfig,
    /// The seqnos at which readers may read: see [`Garbage`].
    pub(crate) boundaries: Vec<SeqNo>,
    pub(crate) relocation: Relocation<'a>,
    pub(crate) progress: &'a ProgressHook<'a>,
}

impl MergeJob<'_> {
    /// Writes and opens the output SSTs, durably and under their names; there is none when nothing
    /// is kept. Live values of the garbage-collection candidates are moved to new value files.
    ///
    /// `sst` returns the inputs, `numbers` the file numbers of the output. After an error, one of
    /// the progress hook included, no output file is left.
    ///
    /// Cost: reads the inputs once, and writes what is kept.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: impl Fn() -> Result<FileNumber>,
    ) -> Result<GcOutput> {
        let older_runs = OlderRuns::of(self.version, self.merge);
        let (input_size, below) = (self.merge.input_size(), older_runs.next_level());
        let splitter = OutputSplitter::new(self.config.max_sst_size, input_size, below, self.staying());
        let output_files = OutputFiles::new(self.sst_store, splitter, &numbers);
        let garbage = Garbage::new(self.boundaries.clone());
        let is_oldest = |fragment: &Fragment| !older_runs.may_hold_any(fragment);
        let mut filter =
            GarbageFilter::new(garbage, self.ranges(&sst), is_oldest, output_files, self.progress)?;
        let mut entries = self.entries(&sst)?;
        let mut relocator = ValueRelocator::new(&self.relocation, &numbers);
        let seqno_of = |filter: &GarbageFilter<'_, _, _>, entry: &Entry<'_>| {
            let can_zero = older_runs.is_bottommost() && filter.can_zero_seqno(entry);
            if can_zero { SeqNo::ZERO } else { entry.seqno }
        };
        while let Some(entry) = entries.entry() {
            if filter.keeps(&entry, |key| !older_runs.may_hold(key))? {
                if entry.kind == Kind::Add {
                    let folded = filter.fold(&mut entries, |key| !older_runs.may_hold(key))?;
                    let entry = folded.entry();
                    filter.add(Entry { seqno: seqno_of(&filter, &entry), ..entry })?;
                    continue;
                }
                let seqno = seqno_of(&filter, &entry);
                filter.add(relocator.relocate(Entry { seqno, ..entry })?)?;
                filter.note(relocator.take_moved())?;
            }
            entries.advance()?;
        }
        let finished = filter.finish()?;
        let values = self.relocation.value_store.publish(relocator.finish()?)?;
        let ssts = self.sst_store.publish(finished)?;
        let inputs: Vec<_> = self.merge.input_files().map(|(_, meta)| sst(meta)).collect();
        warm_cache(&inputs, &ssts, || (self.progress)(0).is_ok());
        Ok(GcOutput { ssts, values: values.keep() })
    }

    /// The files of the output level that are no inputs, if that level is sorted.
    fn staying(&self) -> Vec<&Arc<SstMeta>> {
        if self.merge.output == Level::ZERO {
            return Vec::new();
        }
        let files = self.version.level(self.merge.output).iter();
        let inputs = self.merge.input_numbers();
        files.filter(|meta| !inputs.contains(&meta.number)).collect()
    }

    fn ranges(&self, sst: impl Fn(&SstMeta) -> Arc<Sst>) -> Vec<RunRanges> {
        let runs = self.merge.inputs.iter();
        runs.map(|(_, files)| RunRanges::new(files.iter().map(|meta| sst(meta)).collect())).collect()
    }

    fn entries(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
    ) -> Result<cursor::MergeCursor<ConcatCursor<WholeRun>>> {
        let mut runs = Vec::new();
        for (_, files) in &self.merge.inputs {
            runs.push(files.iter().map(|meta| sst(meta)).collect::<Vec<_>>());
        }
        let sweep = |run: Vec<_>| {
            let indexes = 0..run.len();
            ConcatCursor::new(WholeRun(run), indexes, Direction::Forward)
        };
        let sweeps = runs.into_iter().map(sweep).collect::<Result<_>>()?;
        Ok(cursor::MergeCursor::new(sweeps, Direction::Forward))
    }
}

/// The files of a run, each read once from beginning to end.
struct WholeRun(Vec<Arc<Sst>>);

impl Pieces for WholeRun {
    type Cursor = SstCursor;

    fn open(&self, index: usize) -> Result<SstCursor> {
        self.0[index].sweep()
    }
}
