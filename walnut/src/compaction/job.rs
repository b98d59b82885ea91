//! Carries out a merge: reads its inputs, drops what nobody can read, writes the rest.
//!
//! An entry that is ageless is written with the sequence number zero, which takes less room: numbers that nobody asks for are a fifth
//! of an index. It never happens in level 0, whose files are ordered by their numbers.

use std::sync::Arc;

use super::beneath::Beneath;
use super::covered::RunRanges;
use super::cuts::Cuts;
use super::outputs::Outputs;
use super::pick::Merge;
use super::reclaim::{Mover, Moving, Written};
use super::shape::LeveledConfig;
use super::sieve::{GoOn, Sieve};
use crate::base::{Entry, FileNumber, Fragment, Kind, SeqNo};
use crate::cursor::{self, Concat, Cursor, Direction, Pieces};
use crate::error::Result;
use crate::manifest::Version;
use crate::mvcc::Garbage;
use crate::sst::{Sst, SstCursor, SstMeta, SstPlace};

/// A merge that is to be done.
pub(crate) struct Job<'a> {
    pub(crate) merge: &'a Merge,
    /// The version that the merge was picked from. Below its output level nothing changes before it is done.
    pub(crate) version: &'a Version,
    pub(crate) place: &'a Arc<SstPlace>,
    pub(crate) config: &'a LeveledConfig,
    /// Where somebody reads: see [`Garbage`].
    pub(crate) boundaries: Vec<SeqNo>,
    pub(crate) moving: Moving<'a>,
    pub(crate) go_on: &'a GoOn<'a>,
}

impl Job<'_> {
    /// Writes the outputs, durably and under their names, and opens them. There are none when nothing is kept. Live values of worn
    /// files move to new ones.
    ///
    /// `sst` gives the inputs, `numbers` the numbers of the outputs. After an error, also that of
    /// `go_on`, no output is left.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: impl Fn() -> Result<FileNumber>,
    ) -> Result<Written> {
        let beneath = Beneath::of(self.version, self.merge);
        let cuts = Cuts::new(self.config.max_sst_size, beneath.next_level());
        let outputs = Outputs::new(self.place, cuts, &numbers);
        let garbage = Garbage::new(self.boundaries.clone());
        let is_oldest = |fragment: &Fragment| !beneath.may_hold_any(fragment);
        let mut sieve = Sieve::new(garbage, self.ranges(&sst), is_oldest, outputs, self.go_on)?;
        let mut entries = self.entries(sst)?;
        let mut mover = Mover::new(&self.moving, &numbers);
        let seqno_of = |sieve: &Sieve<'_, _, _>, entry: &Entry<'_>| {
            let is_ageless = beneath.is_nothing() && sieve.is_ageless(entry);
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
        Ok(Written { ssts, values: values.keep() })
    }

    /// The range tombstones of each run among the inputs.
    fn ranges(&self, sst: impl Fn(&SstMeta) -> Arc<Sst>) -> Vec<RunRanges> {
        let runs = self.merge.inputs.iter();
        runs.map(|(_, files)| RunRanges::new(files.iter().map(|meta| sst(meta)).collect())).collect()
    }

    /// A cursor over all inputs.
    fn entries(&self, sst: impl Fn(&SstMeta) -> Arc<Sst>) -> Result<cursor::Merge<Concat<Sweeps>>> {
        let mut runs = Vec::new();
        for (_, files) in &self.merge.inputs {
            runs.push(files.iter().map(|meta| sst(meta)).collect::<Vec<_>>());
        }
        let sweep = |run: Vec<_>| {
            let places = 0..run.len();
            Concat::new(Sweeps(run), places, Direction::Forward)
        };
        let sweeps = runs.into_iter().map(sweep).collect::<Result<_>>()?;
        Ok(cursor::Merge::new(sweeps, Direction::Forward))
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
