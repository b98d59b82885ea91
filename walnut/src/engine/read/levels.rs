//! The SSTs of a version, in the order in which a reader asks them.
//!
//! ```text
//!   | newest | a..f , k..z | .. | oldest |      runs of level 0: each may hold any key
//!   | a..f | g..m | n..z |                      each deeper level that is not empty is one run
//! ```
//!
//! In each run one file at most holds a key. What comes first is newer, of every key: a reader that
//! finds a version need not go on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use crate::base::{CoveredSpan, FileNumber, KeyHash, KeyPrefix, KeyRange, SeqNo, key_prefix};
use crate::cursor::{Direction, Pieces};
use crate::error::Result;
use crate::manifest::{Level, ValueFile, Version};
use crate::sst::{Sst, SstCursor, SstMeta, SstStore};
use crate::sync::Arc;
use crate::vlog::{ValueStore, Values};

/// The SSTs of a version. Never changed; another one replaces it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Levels {
    runs: Vec<LevelRun>,
    /// The value files, by number.
    values: Arc<ValueFiles>,
}

type ValueFiles = BTreeMap<FileNumber, Arc<Values>>;

/// Files that were not there before.
#[derive(Debug, Default)]
pub(in crate::engine) struct NewFiles {
    pub(in crate::engine) ssts: Vec<Arc<Sst>>,
    pub(in crate::engine) values: Vec<Arc<Values>>,
}

/// SSTs of which no two share a key, in the order of their keys.
#[derive(Debug)]
pub(in crate::engine) struct LevelRun {
    level: Level,
    ssts: Arc<[Arc<Sst>]>,
    /// The heads of the end and of the beginning of each of them, so that a get finds its file
    /// without a look at keys.
    ends: Box<[KeyPrefix]>,
    begins: Box<[KeyPrefix]>,
}

impl NewFiles {
    /// What they take on disk.
    pub(in crate::engine) fn size(&self) -> u64 {
        let ssts = self.ssts.iter().map(|sst| sst.meta().size);
        ssts.chain(self.values.iter().map(|file| file.meta().size)).sum()
    }
}

impl Levels {
    /// The SSTs and value files of a version that was just read, none of them open.
    pub(in crate::engine) fn of(
        version: &Version,
        sst_store: &Arc<SstStore>,
        value_store: &Arc<ValueStore>,
    ) -> Self {
        let of = |file: &ValueFile| Arc::new(Values::unopened(value_store, &Arc::new(file.meta)));
        let values = version.value_files().map(|file| (file.meta.number, of(file))).collect();
        Self::made(version, values, |meta| Arc::new(Sst::unopened(sst_store, meta)))
    }

    /// The SSTs of `version` and its value files: each of them is here or among `new`.
    pub(in crate::engine) fn next_levels(&self, version: &Version, new: &NewFiles) -> Self {
        let values = self.values.values().chain(&new.values);
        let named = values.filter(|file| version.value_file(file.meta().number).is_some());
        let values = named.map(|file| (file.meta().number, Arc::clone(file))).collect();
        let ssts = self.ssts().map(|(_, sst)| sst).chain(&new.ssts);
        let known: HashMap<FileNumber, &Arc<Sst>> = ssts.map(|sst| (sst.meta().number, sst)).collect();
        let of = |meta: &Arc<SstMeta>| {
            let sst = known.get(&meta.number).expect("an SST is known before a version names it");
            Arc::clone(sst)
        };
        Self::made(version, values, of)
    }

    /// The SSTs and value files of a version that was just read; those that are here stay open.
    pub(in crate::engine) fn reloaded(
        &self,
        version: &Version,
        sst_store: &Arc<SstStore>,
        value_store: &Arc<ValueStore>,
    ) -> Self {
        let values = version.value_files().map(|file| {
            let known = self.value_file(file.meta.number).filter(|known| *known.meta() == file.meta);
            let file = known
                .map_or_else(|| Arc::new(Values::unopened(value_store, &Arc::new(file.meta))), Arc::clone);
            (file.meta().number, file)
        });
        let known: HashMap<FileNumber, &Arc<Sst>> =
            self.ssts().map(|(_, sst)| (sst.meta().number, sst)).collect();
        let of = |meta: &Arc<SstMeta>| match known.get(&meta.number) {
            Some(sst) if *sst.meta() == **meta => Arc::clone(sst),
            _ => Arc::new(Sst::unopened(sst_store, meta)),
        };
        Self::made(version, values.collect(), of)
    }

    /// Opens every file that is not open.
    pub(in crate::engine) fn open_all(&self) -> Result<()> {
        self.ssts().try_for_each(|(_, sst)| sst.reader().map(drop))?;
        self.values.values().try_for_each(|file| file.reader().map(drop))
    }

    fn made(version: &Version, values: ValueFiles, of: impl Fn(&Arc<SstMeta>) -> Arc<Sst>) -> Self {
        let run = |(level, files): (Level, &[Arc<SstMeta>])| LevelRun::new(level, files.iter().map(&of));
        Self { runs: version.runs().map(run).collect(), values: Arc::new(values) }
    }

    /// The same with these files closed.
    pub(in crate::engine) fn with_closed(&self, closing: &HashSet<FileNumber>) -> Self {
        let of = |sst: &Arc<Sst>| {
            if closing.contains(&sst.meta().number) {
                Arc::new(sst.clone_unopened())
            } else {
                Arc::clone(sst)
            }
        };
        let run = |run: &LevelRun| LevelRun::new(run.level, run.ssts.iter().map(of));
        let of = |(number, file): (&FileNumber, &Arc<Values>)| {
            let file =
                if closing.contains(number) { Arc::new(file.clone_unopened()) } else { Arc::clone(file) };
            (*number, file)
        };
        let values = Arc::new(self.values.iter().map(of).collect());
        Self { runs: self.runs.iter().map(run).collect(), values }
    }

    /// The open files that are more than so many. Those that were read since this was last asked
    /// are spared before others are.
    pub(in crate::engine) fn least_used(&self, count: usize) -> HashSet<FileNumber> {
        let ssts = self.ssts().map(|(_, sst)| sst).filter(|sst| sst.is_open());
        let values = self.values.values().filter(|file| file.is_open());
        let mut open: Vec<_> = ssts.map(|sst| (sst.meta().number, sst.take_used())).collect();
        open.extend(values.map(|file| (file.meta().number, file.take_used())));
        let excess = open.len().saturating_sub(count);
        let (used, unused): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, used)| *used);
        // From behind: a value file costs the least to be opened again, and what is read in the
        // oldest runs is spread over the most files.
        let closing = unused.iter().rev().chain(used.iter().rev());
        closing.map(|(number, _)| *number).take(excess).collect()
    }

    /// The value file with this number, if it is of the version.
    pub(in crate::engine) fn value_file(&self, number: FileNumber) -> Option<&Arc<Values>> {
        self.values.get(&number)
    }

    /// The value files, by number.
    pub(in crate::engine) fn value_files(&self) -> impl Iterator<Item = &Arc<Values>> {
        self.values.values()
    }

    /// The SST with this number, if it is of the version.
    pub(in crate::engine) fn sst(&self, number: FileNumber) -> Option<&Arc<Sst>> {
        self.ssts().map(|(_, sst)| sst).find(|sst| sst.meta().number == number)
    }

    /// All SSTs with their levels, newest first.
    pub(in crate::engine) fn ssts(&self) -> impl Iterator<Item = (Level, &Arc<Sst>)> {
        self.runs.iter().flat_map(|run| run.ssts.iter().map(|sst| (run.level, sst)))
    }

    /// The SSTs that a key can be in, newest first, and whether it is the oldest: most keys that
    /// there are, are there.
    #[inline]
    pub(in crate::engine) fn candidates(&self, key: &[u8]) -> impl Iterator<Item = (&Arc<Sst>, bool)> {
        let oldest = self.runs.len().wrapping_sub(1);
        let runs = self.runs.iter().enumerate();
        runs.filter_map(move |(index, run)| Some((run.find(key)?, index == oldest)))
    }

    /// Whether the filters of all SSTs that a key can be in deny it; a file that is not open is not
    /// opened for that.
    pub(in crate::engine) fn deny(&self, key: &[u8]) -> bool {
        let hash = KeyHash::of(key);
        self.candidates(key).all(|(sst, _)| sst.if_open().is_some_and(|open| open.denies(hash)))
    }

    /// The runs, newest first.
    pub(in crate::engine) fn runs(&self) -> impl ExactSizeIterator<Item = &LevelRun> {
        self.runs.iter()
    }
}

impl LevelRun {
    fn new(level: Level, ssts: impl Iterator<Item = Arc<Sst>>) -> Self {
        let ssts: Arc<[Arc<Sst>]> = ssts.collect();
        let ends = ssts.iter().map(|sst| key_prefix(&sst.meta().end)).collect();
        let begins = ssts.iter().map(|sst| key_prefix(&sst.meta().smallest)).collect();
        Self { level, ssts, ends, begins }
    }

    /// The SST that a key is in, if it is in any.
    #[inline]
    pub(in crate::engine) fn find(&self, key: &[u8]) -> Option<&Arc<Sst>> {
        let wanted = key_prefix(key);
        let mut place = self.ends.partition_point(|end| *end < wanted);
        // Equal heads say nothing.
        while self.ends.get(place) == Some(&wanted) && *self.ssts[place].meta().end <= *key {
            place += 1;
        }
        let sst = self.ssts.get(place)?;
        (self.begins[place] < wanted || *sst.meta().smallest <= *key).then_some(sst)
    }

    /// The places of the SSTs that can hold keys of a range.
    pub(in crate::engine) fn meeting(&self, range: &KeyRange) -> Range<usize> {
        let start = self.ssts.partition_point(|sst| *sst.meta().end <= *range.start);
        let end = self.ssts.partition_point(|sst| range.ends_after(&sst.meta().smallest));
        start..end.max(start)
    }

    /// The SSTs, in the order of their keys.
    pub(in crate::engine) fn ssts(&self) -> impl Iterator<Item = &Arc<Sst>> {
        self.ssts.iter()
    }

    /// Cursors over the SSTs.
    pub(in crate::engine) fn pieces(&self, range: &KeyRange, direction: Direction) -> RunPieces {
        RunPieces { ssts: Arc::clone(&self.ssts), range: range.clone(), direction }
    }
}

/// What opens the SSTs of a run for a scan.
pub(in crate::engine) struct RunPieces {
    ssts: Arc<[Arc<Sst>]>,
    range: KeyRange,
    direction: Direction,
}

impl Pieces for RunPieces {
    type Cursor = SstCursor;

    fn open(&self, place: usize) -> Result<SstCursor> {
        self.ssts[place].cursor(&self.range, self.direction)
    }

    fn can_skip(&self, place: usize, stretch: &CoveredSpan, than: SeqNo) -> bool {
        let meta = self.ssts[place].meta();
        meta.largest_seqno < than
            && stretch.start <= meta.smallest
            && stretch.end.as_ref().is_none_or(|end| meta.end <= *end)
    }
}
