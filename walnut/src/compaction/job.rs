//! Carries out a merge: reads its inputs, drops what nobody can read, writes the rest.

use std::sync::Arc;

use super::cuts::Cuts;
use super::outputs::Outputs;
use super::pick::Merge;
use super::shape::LeveledConfig;
use crate::base::{FileNumber, Fragment, Fragments, SeqNo};
use crate::cursor::{self, Concat, Cursor, Direction, Pieces};
use crate::error::{Error, Result};
use crate::manifest::{Level, Version};
use crate::mvcc::Garbage;
use crate::sst::{SstCursor, SstMeta, SstPlace, SstReader};
use crate::sync::{AtomicBool, Ordering};

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
    /// Set when the database is closed.
    pub(crate) stop: &'a AtomicBool,
}

impl Job<'_> {
    /// Writes the outputs, durably and under their names, and opens them. There are none when nothing is kept.
    ///
    /// `reader` gives the open inputs, `numbers` the numbers of the outputs. After an error, which is [`Error::Closed`] when
    /// the job was stopped, no output is left.
    pub(crate) fn run(
        &self,
        reader: impl Fn(&SstMeta) -> Arc<SstReader>,
        numbers: impl FnMut() -> FileNumber,
    ) -> Result<Vec<Arc<SstReader>>> {
        let ranges = Arc::new(self.ranges(&reader));
        let mut entries = self.entries(reader)?;
        let mut garbage = Garbage::new(self.boundaries.clone(), Arc::clone(&ranges));
        let beneath = Beneath::of(self.version, self.merge.output);
        let cuts = Cuts::new(self.config.max_sst_size, beneath.levels.first().copied().unwrap_or_default());
        let is_oldest = |fragment: &Fragment| !beneath.may_hold_any(&fragment.start, &fragment.end);
        let kept = ranges.iter().filter_map(|fragment| garbage.keeps_of(fragment.clone(), is_oldest));
        let mut outputs = Outputs::new(self.place, cuts, numbers, kept.collect());
        let mut count = 0;
        while let Some(entry) = entries.entry() {
            if garbage.keeps(&entry, |key| !beneath.may_hold(key)) {
                outputs.add(entry)?;
            }
            entries.advance()?;
            count += 1;
            if count % PATIENCE == 0 && self.stop.load(Ordering::Acquire) {
                return Err(Error::Closed);
            }
        }
        self.place.publish(outputs.finish()?)
    }

    /// The range tombstones of all inputs.
    fn ranges(&self, reader: impl Fn(&SstMeta) -> Arc<SstReader>) -> Fragments {
        let files = self.merge.inputs.iter().flat_map(|(_, files)| files);
        let readers: Vec<_> = files.filter(|meta| meta.fragment_count > 0).map(|meta| reader(meta)).collect();
        Fragments::merged(
            readers.iter().filter_map(|reader| reader.range_tombstones()).map(|ranges| &**ranges),
        )
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
            let place = files.partition_point(|meta| *meta.end <= *key);
            files.get(place).is_some_and(|meta| *meta.smallest <= *key)
        })
    }

    /// Whether a version of a key from `start` on, and before `end`, can lie in one of them.
    fn may_hold_any(&self, start: &[u8], end: &[u8]) -> bool {
        self.levels.iter().any(|files| {
            let place = files.partition_point(|meta| *meta.end <= *start);
            files.get(place).is_some_and(|meta| *meta.smallest < *end)
        })
    }
}
