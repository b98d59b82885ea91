//! Carries out a merge: reads its inputs, drops what nobody can read, writes the rest.
//!
//! An entry that is ageless is written with the sequence number zero, which takes less room: numbers that nobody asks for are a fifth
//! of an index. It never happens in level 0, whose files are ordered by their numbers.

use std::sync::Arc;

use super::fully_deleted::RunRanges;
use super::garbage_filter::{GarbageFilter, ProgressHook};
use super::level_sizes::LeveledConfig;
use super::older_runs::OlderRuns;
use super::output_files::OutputFiles;
use super::output_splitter::OutputSplitter;
use super::pick::Merge;
use super::value_gc::{GcOutput, Relocation, ValueRelocator};
use crate::base::{Entry, FileNumber, Fragment, Kind, SeqNo};
use crate::cursor::{self, ConcatCursor, Direction, EntryCursor, Pieces};
use crate::error::Result;
use crate::manifest::Version;
use crate::mvcc::Garbage;
use crate::sst::{Sst, SstCursor, SstMeta, SstStore};

/// A merge that is to be done.
pub(crate) struct MergeJob<'a> {
    pub(crate) merge: &'a Merge,
    /// The version that the merge was picked from. Below its output level nothing changes before it is done.
    pub(crate) version: &'a Version,
    pub(crate) place: &'a Arc<SstStore>,
    pub(crate) config: &'a LeveledConfig,
    /// Where somebody reads: see [`Garbage`].
    pub(crate) boundaries: Vec<SeqNo>,
    pub(crate) moving: Relocation<'a>,
    pub(crate) go_on: &'a ProgressHook<'a>,
}

impl MergeJob<'_> {
    /// Writes the outputs, durably and under their names, and opens them. There are none when nothing is kept. Live values of worn
    /// files move to new ones.
    ///
    /// `sst` gives the inputs, `numbers` the numbers of the outputs. After an error, also that of
    /// `go_on`, no output is left.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: impl Fn() -> Result<FileNumber>,
    ) -> Result<GcOutput> {
        let beneath = OlderRuns::of(self.version, self.merge);
        let cuts = OutputSplitter::new(self.config.max_sst_size, beneath.next_level());
        let outputs = OutputFiles::new(self.place, cuts, &numbers);
        let garbage = Garbage::new(self.boundaries.clone());
        let is_oldest = |fragment: &Fragment| !beneath.may_hold_any(fragment);
        let mut sieve = GarbageFilter::new(garbage, self.ranges(&sst), is_oldest, outputs, self.go_on)?;
        let mut entries = self.entries(sst)?;
        let mut mover = ValueRelocator::new(&self.moving, &numbers);
        let seqno_of = |sieve: &GarbageFilter<'_, _, _>, entry: &Entry<'_>| {
            let is_ageless = beneath.is_nothing() && sieve.can_zero_seqno(entry);
            if is_ageless { SeqNo::ZERO } else { entry.seqno }
        };
        while let Some(entry) = entries.entry() {
            if sieve.keeps(&entry, |key| !beneath.may_hold(key))? {
                if entry.kind == Kind::Add {
                    let folded = sieve.fold(&mut entries, |key| !beneath.may_hold(key))?;
                    let entry = folded.entry();
                    sieve.add(Entry { seqno: seqno_of(&sieve, &entry), ..entry })?;
                    continue;
                }
                let seqno = seqno_of(&sieve, &entry);
                sieve.add(mover.pass(Entry { seqno, ..entry })?)?;
                sieve.note(mover.take_moved())?;
            }
            entries.advance()?;
        }
        let whole = sieve.finish()?;
        let values = self.moving.place.publish(mover.finish()?)?;
        let ssts = self.place.publish(whole)?;
        Ok(GcOutput { ssts, values: values.keep() })
    }

    /// The range tombstones of each run among the inputs.
    fn ranges(&self, sst: impl Fn(&SstMeta) -> Arc<Sst>) -> Vec<RunRanges> {
        let runs = self.merge.inputs.iter();
        runs.map(|(_, files)| RunRanges::new(files.iter().map(|meta| sst(meta)).collect())).collect()
    }

    /// A cursor over all inputs.
    fn entries(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
    ) -> Result<cursor::MergeCursor<ConcatCursor<Sweeps>>> {
        let mut runs = Vec::new();
        for (_, files) in &self.merge.inputs {
            runs.push(files.iter().map(|meta| sst(meta)).collect::<Vec<_>>());
        }
        let sweep = |run: Vec<_>| {
            let places = 0..run.len();
            ConcatCursor::new(Sweeps(run), places, Direction::Forward)
        };
        let sweeps = runs.into_iter().map(sweep).collect::<Result<_>>()?;
        Ok(cursor::MergeCursor::new(sweeps, Direction::Forward))
    }
}

/// The files of a run, each read once from its beginning to its end.
struct Sweeps(Vec<Arc<Sst>>);

impl Pieces for Sweeps {
    type Cursor = SstCursor;

    fn open(&self, place: usize) -> Result<SstCursor> {
        self.0[place].sweep()
    }
}
