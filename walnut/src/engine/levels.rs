//! The open SSTs of a version, in the order in which a reader asks them.
//!
//! ```text
//!   | newest | a..f , k..z | .. | oldest |      runs of level 0: each may hold any key
//!   | a..f | g..m | n..z |                      each deeper level that is not empty is one run
//! ```
//!
//! In each run one file at most holds a key. What comes first is newer, of every key: whoever finds a version needs not
//! go on.

use std::collections::HashMap;
use std::ops::Range;

use crate::base::{FileNumber, KeyRange};
use crate::cursor::{Direction, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::sst::{SstCursor, SstMeta, SstReader};
use crate::sync::Arc;

/// The open SSTs of a version. Never changed; another one replaces it.
#[derive(Debug, Default)]
pub(super) struct Levels {
    runs: Vec<Run>,
}

/// SSTs of which no two share a key, in the order of their keys.
#[derive(Debug)]
pub(super) struct Run {
    level: Level,
    ssts: Arc<[Arc<SstReader>]>,
}

impl Levels {
    /// The SSTs of `version`: each of them is here or among `new`.
    pub(super) fn become_those_of(&self, version: &Version, new: &[Arc<SstReader>]) -> Self {
        let open: HashMap<FileNumber, &Arc<SstReader>> =
            self.ssts().map(|(_, sst)| sst).chain(new).map(|sst| (sst.meta().number, sst)).collect();
        let of = |meta: &Arc<SstMeta>| {
            let sst = open.get(&meta.number).expect("an SST is known before a version names it");
            Arc::clone(sst)
        };
        let runs = version.runs().map(|(level, files)| Run { level, ssts: files.iter().map(of).collect() });
        Self { runs: runs.collect() }
    }

    /// The SST with this number, if it is of the version.
    pub(super) fn sst(&self, number: FileNumber) -> Option<&Arc<SstReader>> {
        self.ssts().map(|(_, sst)| sst).find(|sst| sst.meta().number == number)
    }

    /// All SSTs with their levels, newest first.
    pub(super) fn ssts(&self) -> impl Iterator<Item = (Level, &Arc<SstReader>)> {
        self.runs.iter().flat_map(|run| run.ssts.iter().map(|sst| (run.level, sst)))
    }

    /// The SSTs that a key can be in, newest first.
    #[inline]
    pub(super) fn candidates(&self, key: &[u8]) -> impl Iterator<Item = &Arc<SstReader>> {
        self.runs.iter().filter_map(move |run| run.find(key))
    }

    /// The runs, newest first.
    pub(super) fn runs(&self) -> impl ExactSizeIterator<Item = &Run> {
        self.runs.iter()
    }
}

impl Run {
    /// The SST that a key is in, if it is in any.
    fn find(&self, key: &[u8]) -> Option<&Arc<SstReader>> {
        let place = self.ssts.partition_point(|sst| *sst.meta().end <= *key);
        self.ssts.get(place).filter(|sst| *sst.meta().smallest <= *key)
    }

    /// The places of the SSTs that can hold keys of a range.
    pub(super) fn meeting(&self, range: &KeyRange) -> Range<usize> {
        let start = self.ssts.partition_point(|sst| *sst.meta().end <= *range.start);
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
