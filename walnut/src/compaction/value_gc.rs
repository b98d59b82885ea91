//! Garbage collection of the value log (RocksDB: blob garbage collection).
//!
//! A value is dead when the last entry that points to it is dropped, and a value file is removed
//! when all of it is dead. Live values of a file of which much is dead, a *candidate*, are moved to
//! a new file:
//!
//! ```text
//!   merges      move the values of candidates, and of many small files, as their entries pass by
//!   value gc    rewrites the SSTs that point into candidates, entry by entry, with other pointers
//! ```
//!
//! 1. A value gc drops nothing and changes no order: each SST is replaced by one with the same keys
//!    and sequence numbers, in its own level. So it is correct for every compaction strategy.
//! 2. It is picked when it pays: the freed space must be a fair part of what is written, unless the
//!    caller asks for [`GcMode::Full`].
//! 3. It terminates: each one removes references to candidates, and what it writes is no candidate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::garbage_filter::{ProgressCounter, ProgressHook};
use super::level_sizes::LeveledConfig;
use crate::base::{Entry, FileNumber, Kind};
use crate::codec::ValuePointer;
use crate::cursor::EntryCursor;
use crate::error::{Fault, Result};
use crate::files::FileName;
use crate::manifest::{Level, ValueFile, Version};
use crate::sst::{Sst, SstMeta, SstStore};
use crate::vlog::{FinishedValues, ValueStore, ValueWriter, Values};

/// The most that one value gc writes, values included, in SSTs of the largest size; a single SST
/// may take more.
const MAX_GC_FILES: u64 = 16;

/// A value file is small when it is at most this part of the largest size. Small files are merged
/// when this many of them have a similar size.
const SMALL_PART: u64 = 64;
const MIN_SMALL_FILE_COUNT: usize = 4;

/// The size of the encryption header, which an encrypted value file has before its records: no
/// value is worth moving for less.
const ALWAYS_DEAD: u128 = 64;

/// How much may be written to free space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GcMode {
    /// While there is other work: files of which half is dead, at most two bytes written for one
    /// freed.
    Normal,
    /// When there is no other work: the same, at most eight bytes written for one freed.
    Idle,
    /// On demand: every file of which a tenth is dead, at any cost.
    Full,
}

impl GcMode {
    /// The part of a value file, in percent, that must be dead to make it a candidate.
    fn min_dead_percent(self) -> u128 {
        match self {
            Self::Normal | Self::Idle => 50,
            Self::Full => 10,
        }
    }

    /// The most bytes that may be written for one that is freed.
    fn max_cost_per_byte(self) -> u64 {
        match self {
            Self::Normal => 2,
            Self::Idle => 8,
            Self::Full => u64::MAX,
        }
    }
}

/// A picked value gc: the SSTs to rewrite, because they point into candidates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ValueGc {
    pub(crate) ssts: Vec<(Level, Arc<SstMeta>)>,
    pub(crate) candidates: BTreeSet<FileNumber>,
}

/// The value files of which enough is dead.
pub(crate) fn gc_candidates(version: &Version, mode: GcMode) -> BTreeSet<FileNumber> {
    let is_candidate = |file: &&ValueFile| {
        let (dead, all) = (u128::from(file.dead_size()), u128::from(file.meta.records_size()));
        dead > ALWAYS_DEAD && dead * 100 >= all * mode.min_dead_percent()
    };
    version.value_files().filter(is_candidate).map(|file| file.meta.number).collect()
}

/// Small value files of similar size, where there are many: a merge that meets them writes larger
/// ones. Sizes are compared by powers of four, so that a value is moved only a few times for this.
pub(crate) fn small_files(version: &Version, max_file_size: u64) -> BTreeSet<FileNumber> {
    let mut by_size = BTreeMap::<u32, Vec<FileNumber>>::new();
    for file in version.value_files().filter(|file| file.meta.size <= max_file_size / SMALL_PART) {
        by_size.entry(file.meta.size.max(1).ilog2() / 2).or_default().push(file.meta.number);
    }
    by_size.into_values().filter(|group| group.len() >= MIN_SMALL_FILE_COUNT).flatten().collect()
}

/// Picks the SSTs to rewrite; `None` when there are no candidates or it does not pay.
pub(crate) fn pick_value_gc(version: &Version, config: &LeveledConfig, mode: GcMode) -> Option<ValueGc> {
    let candidates = gc_candidates(version, mode);
    let cost = |meta: &SstMeta| {
        let moved =
            meta.values.iter().filter(|share| candidates.contains(&share.file)).map(|share| share.size);
        let moved: u64 = moved.sum();
        if moved > 0 { meta.size + moved } else { 0 }
    };
    let files = version.files().map(|(level, meta)| (level, meta, cost(meta)));
    let referring: Vec<_> = files.filter(|(_, _, cost)| *cost > 0).collect();
    let total_cost: u64 = referring.iter().map(|(_, _, cost)| cost).sum();
    let gain: u64 =
        candidates.iter().filter_map(|file| version.value_file(*file)).map(ValueFile::dead_size).sum();
    if candidates.is_empty() || total_cost > gain.saturating_mul(mode.max_cost_per_byte()) {
        return None;
    }
    let limit = config.max_sst_size.saturating_mul(MAX_GC_FILES);
    let mut ssts = Vec::new();
    let mut taken = 0;
    for (level, meta, cost) in referring {
        if !ssts.is_empty() && taken + cost > limit {
            break;
        }
        taken += cost;
        ssts.push((level, Arc::clone(meta)));
    }
    Some(ValueGc { ssts, candidates })
}

/// The value files that a merge or value gc relocates, and the store of the new files.
pub(crate) struct Relocation<'a> {
    pub(crate) candidates: BTreeMap<FileNumber, Arc<Values>>,
    pub(crate) value_store: &'a Arc<ValueStore>,
    /// The size in bytes at which the next value file begins.
    pub(crate) max_file_size: u64,
}

/// Moves values as their entries pass by.
pub(super) struct ValueRelocator<'a> {
    candidates: &'a BTreeMap<FileNumber, Arc<Values>>,
    writer: ValueWriter<'a>,
    pointer: Vec<u8>,
    /// Bytes of values moved since the last [`take_moved`](Self::take_moved).
    moved: u64,
}

impl<'a> ValueRelocator<'a> {
    pub(super) fn new(relocation: &'a Relocation<'a>, numbers: &'a dyn Fn() -> Result<FileNumber>) -> Self {
        let writer = ValueWriter::new(relocation.value_store, relocation.max_file_size, numbers);
        Self { candidates: &relocation.candidates, writer, pointer: Vec::new(), moved: 0 }
    }

    /// The entry to write: when it points into a candidate, its value is copied and its pointer
    /// replaced.
    pub(super) fn relocate<'e>(&'e mut self, entry: Entry<'e>) -> Result<Entry<'e>> {
        if entry.kind != Kind::Pointer || self.candidates.is_empty() {
            return Ok(entry);
        }
        let pointer = ValuePointer::decode(entry.value).expect("an SST holds valid pointers only");
        let Some(from) = self.candidates.get(&pointer.file) else { return Ok(entry) };
        self.moved += pointer.size;
        let moved = self.writer.copy(from, &pointer, entry.key)?;
        self.pointer.clear();
        moved.encode(&mut self.pointer);
        Ok(Entry { value: &self.pointer, ..entry })
    }

    /// Returns the bytes of values moved since the last call.
    pub(super) fn take_moved(&mut self) -> u64 {
        std::mem::take(&mut self.moved)
    }

    /// The new value files, durable and still under temporary names.
    pub(super) fn finish(self) -> Result<Vec<FinishedValues>> {
        self.writer.finish()
    }
}

/// New files, durable and opened.
#[derive(Debug, Default)]
pub(crate) struct GcOutput {
    pub(crate) ssts: Vec<Arc<Sst>>,
    pub(crate) values: Vec<Arc<Values>>,
}

pub(crate) struct ValueGcJob<'a> {
    pub(crate) gc: &'a ValueGc,
    pub(crate) relocation: Relocation<'a>,
    pub(crate) sst_store: &'a Arc<SstStore>,
    pub(crate) progress: &'a ProgressHook<'a>,
}

impl ValueGcJob<'_> {
    /// Writes the new value files, then an SST for each that is replaced, in their order; durably
    /// and under their names. After an error, one of the progress hook included, none is left.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: &dyn Fn() -> Result<FileNumber>,
    ) -> Result<GcOutput> {
        let mut relocator = ValueRelocator::new(&self.relocation, numbers);
        let mut progress = ProgressCounter::new(self.progress);
        let mut finished = Vec::new();
        for (_, meta) in &self.gc.ssts {
            let sst = sst(meta);
            let mut new_sst = self.sst_store.begin(numbers()?)?;
            let mut cursor = sst.sweep()?;
            let mut count = 0u64;
            while let Some(entry) = cursor.entry() {
                let size = 2 * (entry.key.len() + entry.value.len()) as u64;
                new_sst.add(relocator.relocate(entry)?)?;
                cursor.advance()?;
                count += 1;
                progress.note(size + relocator.take_moved())?;
            }
            if count != meta.entry_count {
                let fault = Fault::Invalid("number of entries");
                return Err(fault.at(&FileName::Sst(meta.number).path(&self.sst_store.dir.path), 0));
            }
            for fragment in sst.range_tombstones()?.iter().flat_map(|ranges| ranges.iter()) {
                new_sst.add_fragment(fragment)?;
            }
            finished.push(new_sst.finish()?);
        }
        let values = self.relocation.value_store.publish(relocator.finish()?)?;
        let ssts = self.sst_store.publish(finished)?;
        Ok(GcOutput { ssts, values: values.keep() })
    }
}
