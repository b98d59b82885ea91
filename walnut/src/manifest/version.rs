//! A version: the SSTs of each level at one moment, and the value files into which they point. It never changes.
//!
//! ```text
//!  level 0   | seqnos 90..99 | 80..89 | 70..79 |      newest first; their keys may overlap
//!  level 1   | a..f | g..m | n..z |                   by key; no two files share a key
//!  level 6   | a..c | d..e | ...
//! ```
//!
//! 1. A file stands in one place.
//! 2. In level 0 a file stands before those whose largest sequence number is smaller; equal ones by number.
//! 3. In every other level the largest key of a file is below the smallest of the next.
//! 4. The value files are exactly those into which the SSTs point, and nothing is referred to twice (see `values`).
//! 5. A file's keys and sequence numbers are in order, and it has no more tombstones than entries and no more dead bytes
//!    than bytes.

use std::collections::HashSet;
use std::sync::Arc;

use super::edit::VersionEdit;
use super::values::{ValueFile, ValueFiles};
use crate::base::FileNumber;
use crate::error::Fault;
use crate::sst::SstMeta;

/// How many levels there are.
pub(crate) const LEVEL_COUNT: usize = 7;

/// The place of a level, from 0, where flushed files arrive, down to the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Level(u8);

impl Level {
    /// The level into which memtables are flushed.
    pub(crate) const ZERO: Self = Self(0);
    /// The level below which there is none.
    pub(crate) const LAST: Self = Self(6);

    /// The level with this place on disk, if there is one.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        (usize::from(code) < LEVEL_COUNT).then_some(Self(code))
    }

    /// The place on disk.
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// The place among the levels.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The levels from the first to the last.
    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=Self::LAST.0).map(Self)
    }

    /// The levels below this one, from the next to the last.
    pub(crate) fn deeper(self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0 + 1..=Self::LAST.0).map(Self)
    }
}

const _: () = assert!(Level::LAST.0 as usize + 1 == LEVEL_COUNT);

/// The SSTs of each level, and their value files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Version {
    levels: [Vec<Arc<SstMeta>>; LEVEL_COUNT],
    values: ValueFiles,
}

impl Version {
    /// The files of a level in its order.
    pub(crate) fn level(&self, level: Level) -> &[Arc<SstMeta>] {
        &self.levels[level.index()]
    }

    /// All files, level by level.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Level, &Arc<SstMeta>)> {
        Level::all().flat_map(|level| self.level(level).iter().map(move |meta| (level, meta)))
    }

    /// The value files into which the SSTs point, by number.
    pub(crate) fn value_files(&self) -> impl Iterator<Item = &ValueFile> {
        self.values.all()
    }

    /// The value file with this number.
    pub(crate) fn value_file(&self, number: FileNumber) -> Option<&ValueFile> {
        self.values.file(number)
    }

    /// Whether a file of this number, SST or value file, is of the version.
    pub(crate) fn names(&self, number: FileNumber) -> bool {
        self.values.file(number).is_some() || self.files().any(|(_, meta)| meta.number == number)
    }

    /// The version after an edit; the fault of an edit that does not fit this one.
    pub(crate) fn apply(&self, edit: &VersionEdit) -> Result<Self, Fault> {
        let mut next = self.clone();
        next.remove(&edit.removed)?;
        next.values.add(&edit.values)?;
        next.add(&edit.added)?;
        next.values.settle(&edit.values)?;
        Ok(next)
    }

    fn remove(&mut self, removed: &[(Level, FileNumber)]) -> Result<(), Fault> {
        let mut leaving: HashSet<_> = removed.iter().copied().collect();
        if leaving.len() < removed.len() {
            return Err(Fault::Invalid("file that is removed twice"));
        }
        let Self { levels, values } = self;
        for level in Level::all() {
            levels[level.index()].retain(|meta| {
                let leaves = leaving.remove(&(level, meta.number));
                if leaves {
                    values.release(meta);
                }
                !leaves
            });
        }
        if leaving.is_empty() { Ok(()) } else { Err(Fault::Invalid("removed file that is not there")) }
    }

    fn add(&mut self, added: &[(Level, Arc<SstMeta>)]) -> Result<(), Fault> {
        let mut numbers: HashSet<_> = self.files().map(|(_, meta)| meta.number).collect();
        numbers.extend(self.values.all().map(|file| file.meta.number));
        let mut changed = [false; LEVEL_COUNT];
        for (level, meta) in added {
            check_meta(meta)?;
            if !numbers.insert(meta.number) {
                return Err(Fault::Invalid("number of a file that is there already"));
            }
            self.values.refer(meta)?;
            self.levels[level.index()].push(Arc::clone(meta));
            changed[level.index()] = true;
        }
        for level in Level::all().filter(|level| changed[level.index()]) {
            arrange(level, &mut self.levels[level.index()])?;
        }
        Ok(())
    }
}

/// Rule 5.
fn check_meta(meta: &SstMeta) -> Result<(), Fault> {
    if meta.smallest > meta.largest {
        return Err(Fault::Order);
    }
    if meta.smallest_seqno > meta.largest_seqno {
        return Err(Fault::Invalid("range of sequence numbers of a file"));
    }
    if meta.tombstone_count > meta.entry_count {
        return Err(Fault::Invalid("tombstone count of a file"));
    }
    if meta.dead_size > meta.raw_size {
        return Err(Fault::Invalid("dead bytes of a file"));
    }
    if meta.values.iter().any(|share| share.size == 0) {
        return Err(Fault::Invalid("share of a file in a value file"));
    }
    if !meta.values.windows(2).all(|pair| pair[0].file < pair[1].file) {
        return Err(Fault::Invalid("order of the value files of a file"));
    }
    Ok(())
}

/// Rules 2 and 3.
fn arrange(level: Level, files: &mut [Arc<SstMeta>]) -> Result<(), Fault> {
    if level == Level::ZERO {
        files.sort_by_key(|meta| std::cmp::Reverse((meta.largest_seqno, meta.number)));
        return Ok(());
    }
    files.sort_by(|left, right| left.smallest.cmp(&right.smallest));
    let is_disjoint = files.windows(2).all(|pair| pair[0].largest < pair[1].smallest);
    if is_disjoint { Ok(()) } else { Err(Fault::Invalid("range of keys of a file, which overlaps another")) }
}
