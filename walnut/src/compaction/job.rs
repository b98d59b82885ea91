//! Carries out a merge: reads its inputs, drops what nobody can read, writes the rest.
//!
//! An entry that is ageless is written with the sequence number zero, which takes less room: numbers that nobody asks for are a fifth
//! of an index. It never happens in level 0, whose files are ordered by their numbers.

use std::collections::HashSet;
use std::sync::Arc;

use super::cuts::Cuts;
use super::outputs::Outputs;
use super::pick::Merge;
use super::reclaim::{Mover, Moving, Written};
use super::shape::LeveledConfig;
use crate::base::{Entry, FileNumber, Fragment, Fragments, SeqNo};
use crate::cursor::{self, Concat, Cursor, Direction, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::mvcc::Garbage;
use crate::sst::{Sst, SstCursor, SstMeta, SstPlace};

/// How many entries are merged between two questions whether to go on.
const PATIENCE: usize = 256;

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
    /// Asked from time to time, and told how many bytes of entries were read and written since: may wait, and ends the job with
    /// its error.
    pub(crate) go_on: &'a dyn Fn(u64) -> Result<()>,
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
        let ranges = Arc::new(self.ranges(&sst)?);
        let mut entries = self.entries(sst)?;
        let mut garbage = Garbage::new(self.boundaries.clone(), Arc::clone(&ranges));
        let beneath = Beneath::of(self.version, self.merge);
        let cuts = Cuts::new(self.config.max_sst_size, beneath.next_level());
        let is_oldest = |fragment: &Fragment| !beneath.may_hold_any(&fragment.start, &fragment.end);
        let kept = ranges.iter().filter_map(|fragment| garbage.keeps_of(fragment.clone(), is_oldest));
        let mut outputs = Outputs::new(self.place, cuts, &numbers, kept.collect());
        let mut mover = Mover::new(&self.moving, &numbers);
        let (mut count, mut size) = (0, 0);
        while let Some(entry) = entries.entry() {
            let entry_size = (entry.key.len() + entry.value.len()) as u64;
            size += entry_size;
            if garbage.keeps(&entry, |key| !beneath.may_hold(key)) {
                let is_ageless = beneath.is_nothing() && garbage.is_ageless(&entry);
                let seqno = if is_ageless { SeqNo::ZERO } else { entry.seqno };
                outputs.add(mover.pass(Entry { seqno, ..entry })?)?;
                size += entry_size;
            }
            entries.advance()?;
            count += 1;
            if count % PATIENCE == 0 {
                (self.go_on)(std::mem::take(&mut size))?;
            }
        }
        let whole = outputs.finish()?;
        let values = self.moving.place.publish(mover.finish()?)?;
        let ssts = self.place.publish(whole)?;
        Ok(Written { ssts, values: values.keep() })
    }

    /// The range tombstones of all inputs.
    fn ranges(&self, sst: impl Fn(&SstMeta) -> Arc<Sst>) -> Result<Fragments> {
        let files = self.merge.inputs.iter().flat_map(|(_, files)| files);
        let lists = files.filter_map(|meta| sst(meta).range_tombstones().transpose());
        let lists = lists.collect::<Result<Vec<_>>>()?;
        Ok(Fragments::merged(lists.iter().map(|ranges| &**ranges)))
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

/// The runs that are older than all inputs of a merge.
struct Beneath<'v> {
    output: Level,
    runs: Vec<(Level, &'v [Arc<SstMeta>])>,
}

impl<'v> Beneath<'v> {
    fn of(version: &'v Version, merge: &Merge) -> Self {
        let inputs: HashSet<_> =
            merge.inputs.iter().flat_map(|(_, files)| files).map(|meta| meta.number).collect();
        let is_input = |meta: &Arc<SstMeta>| inputs.contains(&meta.number);
        let runs: Vec<_> = version.runs().collect();
        // In a level below 0 the rest of the run that is merged into shares no key with the inputs.
        let young =
            runs.iter().rposition(|(level, files)| *level == Level::ZERO && files.iter().any(is_input));
        let older = |(place, (level, _)): &(usize, (Level, _))| match merge.output {
            Level::ZERO => young.is_none_or(|young| *place > young),
            output => *level > output,
        };
        let runs = runs.into_iter().enumerate().filter(older).map(|(_, run)| run).collect();
        Self { output: merge.output, runs }
    }

    /// Whether there is none, and the output stands in a level that is ordered by keys alone.
    fn is_nothing(&self) -> bool {
        self.output != Level::ZERO && self.runs.is_empty()
    }

    /// The run that files of the output will be merged into, if it is of another level.
    fn next_level(&self) -> &'v [Arc<SstMeta>] {
        let next = self.runs.first().filter(|(level, _)| *level != Level::ZERO);
        next.map_or(&[], |(_, files)| files)
    }

    /// Whether a version of the key can lie in one of them.
    fn may_hold(&self, key: &[u8]) -> bool {
        self.runs.iter().any(|(_, files)| {
            let place = files.partition_point(|meta| *meta.end <= *key);
            files.get(place).is_some_and(|meta| *meta.smallest <= *key)
        })
    }

    /// Whether a version of a key from `start` on, and before `end`, can lie in one of them.
    fn may_hold_any(&self, start: &[u8], end: &[u8]) -> bool {
        self.runs.iter().any(|(_, files)| {
            let place = files.partition_point(|meta| *meta.end <= *start);
            files.get(place).is_some_and(|meta| *meta.smallest < *end)
        })
    }
}
