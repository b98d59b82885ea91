//! The open SSTs of a version, in the order in which a reader asks them.
//!
//! ```text
//!   young   | newest | .. | oldest |        level 0: each may hold any key
//!   runs    | a..f | g..m | n..z |          each deeper level that is not empty: one file at most holds a key
//! ```
//!
//! What comes first is newer, of every key: whoever finds a version needs not go on.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::base::{FileNumber, KeyRange};
use crate::cursor::{Direction, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::sst::{SstCursor, SstReader};
use crate::sync::Arc;
use crate::vlog::ValueReader;

/// The open SSTs of a version. Never changed; another one replaces it.
#[derive(Debug, Default)]
pub(super) struct Levels {
    young: Vec<Arc<SstReader>>,
    runs: Vec<Run>,
    values: BTreeMap<FileNumber, Arc<ValueReader>>,
}

/// Files that were not open before.
#[derive(Debug, Default)]
pub(super) struct NewFiles {
    pub(super) ssts: Vec<Arc<SstReader>>,
    pub(super) values: Vec<Arc<ValueReader>>,
}

/// SSTs of which no two share a key, in the order of their keys.
#[derive(Debug)]
pub(super) struct Run {
    level: Level,
    ssts: Arc<[Arc<SstReader>]>,
}

impl Levels {
    /// The SSTs of `version` and their value files: each of them is here or among `new`.
    pub(super) fn become_those_of(&self, version: &Version, new: &NewFiles) -> Self {
        let open: HashMap<FileNumber, &Arc<SstReader>> =
            self.ssts().map(|(_, sst)| sst).chain(&new.ssts).map(|sst| (sst.meta().number, sst)).collect();
        let values = self
            .values
            .values()
            .chain(&new.values)
            .filter(|file| version.value_file(file.meta().number).is_some());
        let values = values.map(|file| (file.meta().number, Arc::clone(file))).collect();
        let of = |level: Level| {
            let readers = version.level(level).iter().map(|meta| open.get(&meta.number).copied().cloned());
            readers.collect::<Option<Vec<_>>>().expect("an SST is open before a version names it")
        };
        let runs = Level::ZERO.deeper().map(|level| Run { level, ssts: of(level).into() });
        Self { young: of(Level::ZERO), runs: runs.filter(|run| !run.ssts.is_empty()).collect(), values }
    }

    /// The value file with this number, if it is of the version.
    pub(super) fn value_file(&self, number: FileNumber) -> Option<&Arc<ValueReader>> {
        self.values.get(&number)
    }

    /// The value files, by number.
    pub(super) fn value_files(&self) -> impl Iterator<Item = &Arc<ValueReader>> {
        self.values.values()
    }

    /// The SST with this number, if it is of the version.
    pub(super) fn sst(&self, number: FileNumber) -> Option<&Arc<SstReader>> {
        self.ssts().map(|(_, sst)| sst).find(|sst| sst.meta().number == number)
    }

    /// All SSTs with their levels, newest first.
    pub(super) fn ssts(&self) -> impl Iterator<Item = (Level, &Arc<SstReader>)> {
        let runs = self.runs.iter().flat_map(|run| run.ssts.iter().map(|sst| (run.level, sst)));
        self.young.iter().map(|sst| (Level::ZERO, sst)).chain(runs)
    }

    /// The SSTs that a key can be in, newest first.
    #[inline]
    pub(super) fn candidates(&self, key: &[u8]) -> impl Iterator<Item = &Arc<SstReader>> {
        self.young.iter().chain(self.runs.iter().filter_map(move |run| run.find(key)))
    }

    /// The SSTs of level 0, newest first.
    pub(super) fn young(&self) -> impl ExactSizeIterator<Item = &Arc<SstReader>> {
        self.young.iter()
    }

    /// The deeper levels, from above.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// How many sorted runs there are in all.
    pub(super) fn run_count(&self) -> usize {
        self.young.len() + self.runs.len()
    }
}

impl Run {
    /// The SST that a key is in, if it is in any.
    fn find(&self, key: &[u8]) -> Option<&Arc<SstReader>> {
        let place = self.ssts.partition_point(|sst| *sst.meta().largest < *key);
        self.ssts.get(place).filter(|sst| *sst.meta().smallest <= *key)
    }

    /// The places of the SSTs that can hold keys of a range.
    pub(super) fn meeting(&self, range: &KeyRange) -> Range<usize> {
        let start = self.ssts.partition_point(|sst| *sst.meta().largest < *range.start);
        let end = self.ssts.partition_point(|sst| range.ends_after(&sst.meta().smallest));
        start..end.max(start)
    }

    /// Cursors over the SSTs.
    pub(super) fn pieces(&self, range: &KeyRange, direction: Direction) -> RunPieces {
        RunPieces { ssts: Arc::clone(&self.ssts), range: range.clone(), direction }
    }
}

/// What opens the SSTs of a run for a scan.
pub(super) struct RunPieces {
    ssts: Arc<[Arc<SstReader>]>,
    range: KeyRange,
    direction: Direction,
}

impl Pieces for RunPieces {
    type Cursor = SstCursor;

    fn open(&self, place: usize) -> Result<SstCursor> {
        self.ssts[place].cursor(&self.range, self.direction)
    }
}
