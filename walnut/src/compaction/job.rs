//! Carries out a merge: reads its inputs, drops what nobody can read, writes the rest.

use std::sync::Arc;

use super::cuts::Cuts;
use super::outputs::Outputs;
use super::pick::Merge;
use super::reclaim::{Mover, Moving, Written};
use super::shape::LeveledConfig;
use crate::base::{FileNumber, SeqNo};
use crate::cursor::{self, Concat, Cursor, Direction, Pieces};
use crate::error::{Error, Result};
use crate::manifest::{Level, Version};
use crate::mvcc::Garbage;
use crate::sst::{SstCursor, SstMeta, SstPlace, SstReader};
use crate::sync::{AtomicBool, Ordering};
use crate::vlog::WholeValues;

/// How many entries are merged between two looks at whether to stop.
const PATIENCE: usize = 256;

/// A merge that is to be done.
pub(crate) struct Job<'a> {
    pub(crate) merge: &'a Merge,
    /// The version that the merge was picked from. Below its output level nothing changes before it is done.
    pub(crate) version: &'a Version,
    pub(crate) place: &'a SstPlace,
    pub(crate) config: &'a LeveledConfig,
    /// Where somebody reads: see [`Garbage`].
    pub(crate) boundaries: Vec<SeqNo>,
    pub(crate) moving: Moving<'a>,
    /// Set when the database is closed.
    pub(crate) stop: &'a AtomicBool,
}

impl Job<'_> {
    /// Writes the outputs, durably and under their names, and opens them. There are none when nothing is kept. Live values of worn
    /// files move to new ones.
    ///
    /// `reader` gives the open inputs, `numbers` the numbers of the outputs. After an error, which is [`Error::Closed`] when
    /// the job was stopped, no output is left.
    pub(crate) fn run(
        &self,
        reader: impl Fn(&SstMeta) -> Arc<SstReader>,
        numbers: impl Fn() -> FileNumber,
    ) -> Result<Written> {
        let mut entries = self.entries(reader)?;
        let mut garbage = Garbage::new(self.boundaries.clone());
        let beneath = Beneath::of(self.version, self.merge.output);
        let cuts = Cuts::new(self.config.max_sst_size, beneath.levels.first().copied().unwrap_or_default());
        let mut outputs = Outputs::new(self.place, cuts, &numbers);
        let mut mover = Mover::new(&self.moving, &numbers);
        let mut count = 0;
        while let Some(entry) = entries.entry() {
            if garbage.keeps(&entry, |key| !beneath.may_hold(key)) {
                outputs.add(mover.pass(entry)?)?;
            }
            entries.advance()?;
            count += 1;
            if count % PATIENCE == 0 && self.stop.load(Ordering::Acquire) {
                return Err(Error::Closed);
            }
        }
        let whole = outputs.finish()?;
        let values = WholeValues::publish(mover.finish()?)?;
        let ssts = self.place.publish(whole)?;
        Ok(Written { ssts, values: values.keep() })
    }

    /// A cursor over all inputs.
    fn entries(&self, reader: impl Fn(&SstMeta) -> Arc<SstReader>) -> Result<cursor::Merge<Concat<Sweeps>>> {
        let mut runs = Vec::new();
        for (level, files) in &self.merge.inputs {
            let readers: Vec<_> = files.iter().map(|meta| reader(meta)).collect();
            match *level {
                Level::ZERO => runs.extend(readers.into_iter().map(|reader| vec![reader])),
                _ => runs.push(readers),
            }
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
struct Sweeps(Vec<Arc<SstReader>>);

impl Pieces for Sweeps {
    type Cursor = SstCursor;

    fn open(&self, place: usize) -> Result<SstCursor> {
        self.0[place].sweep()
    }
}

/// The levels below the output of a merge, from the next one on.
struct Beneath<'v> {
    levels: Vec<&'v [Arc<SstMeta>]>,
}

impl<'v> Beneath<'v> {
    fn of(version: &'v Version, output: Level) -> Self {
        Self { levels: output.deeper().map(|level| version.level(level)).collect() }
    }

    /// Whether a version of the key can lie in one of them.
    fn may_hold(&self, key: &[u8]) -> bool {
        self.levels.iter().any(|files| {
            let place = files.partition_point(|meta| *meta.largest < *key);
            files.get(place).is_some_and(|meta| *meta.smallest <= *key)
        })
    }
}
