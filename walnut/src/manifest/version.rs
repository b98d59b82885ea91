//! A version (LevelDB): the SSTs of each level at one moment, and their value files. Immutable.
//!
//! ```text
//!  level 0   | a..f | k..z |   | a..z |   | b..c |     runs, newest first; they may overlap
//!  level 1   | a..f | g..m | n..z |                   one run
//!  level 6   | a..c | d..e | ...                      one run
//! ```
//!
//! 1. A file is in one level, once.
//! 2. Of two files of level 0 whose key ranges overlap, all sequence numbers of one are above all
//!    of the other, and it is in an earlier run. So the newer version of a key comes first. File
//!    numbers do not count.
//! 3. In a run, each file ends at or before the smallest key of the next.
//! 4. The value files are exactly those into which the SSTs point, and no record is referred to
//!    twice (see `values`).
//! 5. A file is not empty, its keys and sequence numbers are in order, and it has no more
//!    tombstones than entries and no more dead bytes than bytes.
//! 6. Bytes and entries of all files together are at most [`MAX_SUM`], so that no sum over them
//!    overflows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::edit::VersionEdit;
use super::level::{LEVEL_COUNT, Level};
use super::values::{ValueFile, ValueFiles};
use crate::base::FileNumber;
use crate::error::Fault;
use crate::files::FileName;
use crate::sst::SstMeta;

/// The limit of the bytes, and of the entries, of all files together.
const MAX_SUM: u64 = 1 << 56;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Version {
    levels: [Vec<Arc<SstMeta>>; LEVEL_COUNT],
    values: ValueFiles,
    /// The index after the last file of each run of level 0.
    level_zero_run_ends: Vec<usize>,
}

impl Version {
    /// The files of a level: by key, and run by run in level 0.
    pub(crate) fn level(&self, level: Level) -> &[Arc<SstMeta>] {
        &self.levels[level.index()]
    }

    /// The non-empty runs with their levels, newest first.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Level, &[Arc<SstMeta>])> {
        let level_zero = self.level(Level::ZERO);
        let starts = std::iter::once(0).chain(self.level_zero_run_ends.iter().copied());
        let level_zero =
            starts.zip(&self.level_zero_run_ends).map(|(start, &end)| (Level::ZERO, &level_zero[start..end]));
        let deeper = Level::ZERO.deeper().map(|level| (level, self.level(level)));
        level_zero.chain(deeper.filter(|(_, files)| !files.is_empty()))
    }

    /// All files, level by level.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Level, &Arc<SstMeta>)> {
        Level::all().flat_map(|level| self.level(level).iter().map(move |meta| (level, meta)))
    }

    /// The version after an edit, or the fault of an edit that does not fit this version.
    pub(crate) fn apply(&self, edit: &VersionEdit) -> Result<Self, Fault> {
        let mut next = self.clone();
        next.remove(&edit.removed)?;
        next.values.add(&edit.values)?;
        next.add(&edit.added)?;
        next.values.drop_dead(&edit.values)?;
        Ok(next)
    }

    /// The value files into which the SSTs point, by number.
    pub(crate) fn value_files(&self) -> impl Iterator<Item = &ValueFile> {
        self.values.all()
    }

    pub(crate) fn value_file(&self, number: FileNumber) -> Option<&ValueFile> {
        self.values.file(number)
    }

    pub(crate) fn names(&self) -> HashSet<FileName> {
        let ssts = self.files().map(|(_, meta)| FileName::Sst(meta.number));
        ssts.chain(self.value_files().map(|file| FileName::Values(file.meta.number))).collect()
    }

    fn remove(&mut self, removed: &[(Level, FileNumber)]) -> Result<(), Fault> {
        let mut pending: HashSet<_> = removed.iter().copied().collect();
        if pending.len() < removed.len() {
            return Err(Fault::Invalid("file that is removed twice"));
        }
        let Self { levels, values, .. } = self;
        for level in Level::all() {
            levels[level.index()].retain(|meta| {
                let is_removed = pending.remove(&(level, meta.number));
                if is_removed {
                    values.remove_references(meta);
                }
                !is_removed
            });
        }
        if removed.iter().any(|(level, _)| *level == Level::ZERO) {
            self.level_zero_run_ends = split_level_zero_into_runs(&mut self.levels[Level::ZERO.index()])?;
        }
        if pending.is_empty() { Ok(()) } else { Err(Fault::Invalid("removed file that is not there")) }
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
            self.values.add_references(meta)?;
            self.levels[level.index()].push(Arc::clone(meta));
            changed[level.index()] = true;
        }
        if changed[Level::ZERO.index()] {
            self.level_zero_run_ends = split_level_zero_into_runs(&mut self.levels[Level::ZERO.index()])?;
        }
        for level in Level::ZERO.deeper().filter(|level| changed[level.index()]) {
            sort_run(&mut self.levels[level.index()])?;
        }
        self.check_sums()
    }

    /// Checks rule 6.
    fn check_sums(&self) -> Result<(), Fault> {
        let sum = |of: &dyn Fn(&SstMeta) -> u64| {
            self.files().try_fold(0u64, |sum, (_, meta)| sum.checked_add(of(meta))).unwrap_or(u64::MAX)
        };
        let value_sizes = self.values.all().map(|file| file.meta.size);
        let sums = [
            sum(&|meta| meta.size),
            sum(&|meta| meta.entry_count),
            sum(&|meta| meta.fragment_count),
            sum(&|meta| meta.raw_size),
            value_sizes.fold(0, u64::saturating_add),
        ];
        let fits = sums.iter().all(|sum| *sum <= MAX_SUM);
        if fits { Ok(()) } else { Err(Fault::Invalid("size or count of a file")) }
    }
}

/// Checks rule 5.
fn check_meta(meta: &SstMeta) -> Result<(), Fault> {
    if meta.smallest >= meta.end {
        return Err(Fault::Order);
    }
    if meta.entry_count == 0 && meta.fragment_count == 0 {
        return Err(Fault::Invalid("entry count of a file"));
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

const OVERLAP: Fault = Fault::Invalid("range of keys of a file, which overlaps another");

/// Sorts a level below 0, and checks rule 3.
fn sort_run(files: &mut [Arc<SstMeta>]) -> Result<(), Fault> {
    files.sort_by(|left, right| left.smallest.cmp(&right.smallest));
    let is_disjoint = files.windows(2).all(|pair| pair[0].end <= pair[1].smallest);
    if is_disjoint { Ok(()) } else { Err(OVERLAP) }
}

/// Sorts the files of level 0 into as few runs as rules 2 and 3 allow, and returns where each run
/// ends.
///
/// Files whose seqno ranges overlap belong to one run, and so do files that are adjacent in history
/// and share no key.
fn split_level_zero_into_runs(files: &mut Vec<Arc<SstMeta>>) -> Result<Vec<usize>, Fault> {
    files.sort_by_key(|meta| Reverse((meta.largest_seqno, meta.number)));
    let mut runs: Vec<KeyOrder<'_>> = Vec::new();
    let mut rest = files.as_slice();
    while let Some(newest) = rest.first() {
        let mut oldest_seqno = newest.smallest_seqno;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|next| next.largest_seqno >= oldest_seqno) {
            oldest_seqno = oldest_seqno.min(next.smallest_seqno);
            count += 1;
        }
        let (overlapping, older) = rest.split_at(count);
        rest = older;
        let mut run = KeyOrder::new();
        if !overlapping.iter().all(|meta| add_to_run(&mut run, meta)) {
            return Err(OVERLAP);
        }
        match runs.last_mut() {
            Some(last) if overlapping.iter().all(|meta| has_room(last, meta)) => last.extend(run),
            _ => runs.push(run),
        }
    }
    let mut ends = Vec::with_capacity(runs.len());
    let mut arranged = Vec::with_capacity(files.len());
    for run in runs {
        arranged.extend(run.into_values().cloned());
        ends.push(arranged.len());
    }
    *files = arranged;
    Ok(ends)
}

/// Files by smallest key, no two of which share a key.
type KeyOrder<'f> = BTreeMap<&'f [u8], &'f Arc<SstMeta>>;

/// Adds a file; returns whether it shares no key with the others.
fn add_to_run<'f>(run: &mut KeyOrder<'f>, meta: &'f Arc<SstMeta>) -> bool {
    let fits = has_room(run, meta);
    run.insert(&meta.smallest, meta);
    fits
}

fn has_room(run: &KeyOrder<'_>, meta: &SstMeta) -> bool {
    let before = run.range(..&*meta.end).next_back();
    before.is_none_or(|(_, before)| before.end <= meta.smallest)
}
