//! Gives back the room of values that nobody refers to any more.
//!
//! A value dies when the last entry that points to it is dropped, and its file goes when all of it is dead. A file of which
//! little is live is *worn*: what is live moves to a new file.
//!
//! ```text
//!   merges       move the values of worn files, and of crowds of small ones, as their entries pass by
//!   a reclaim    writes SSTs that point into worn files anew, entry by entry, with other pointers
//! ```
//!
//! 1. A reclaim drops nothing and changes no order: each SST is replaced by one with the same keys and sequence numbers, on its
//!    own level. So it is right whatever a strategy means by a level.
//! 2. It is picked when it pays: the room that it gives back must be a fair part of what it writes, unless the caller asked for all.
//! 3. Reclaims come to an end: each takes references to worn files away, and what it writes is not worn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::garbage_filter::{Patience, ProgressHook};
use super::level_sizes::LeveledConfig;
use crate::base::{Entry, FileNumber, Kind};
use crate::codec::ValuePointer;
use crate::cursor::EntryCursor;
use crate::error::{Fault, Result};
use crate::files::FileName;
use crate::manifest::{Level, ValueFile, Version};
use crate::sst::{Sst, SstMeta, SstStore};
use crate::vlog::{FinishedValues, ValueStore, ValueWriter, Values};

/// How many SSTs of the largest size a reclaim writes at most, values included, unless a single one takes more.
const MAX_RECLAIM_FILES: u64 = 16;

/// A value file is small when it has no more than this part of the largest size, and a crowd of them is of this size or more.
const SMALL_PART: u64 = 64;
const CROWD: usize = 4;

/// How hard it is looked for room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GcMode {
    /// While there is other work: a file of which half is dead, when a byte given back costs two written ones at most.
    Normal,
    /// When there is none: the same, for eight.
    Idle,
    /// On demand: every file of which a tenth is dead, whatever it costs.
    Full,
}

impl GcMode {
    /// The part of a file, in percent, that must be dead to make it worn.
    fn worn_percent(self) -> u128 {
        match self {
            Self::Normal | Self::Idle => 50,
            Self::Full => 10,
        }
    }

    /// How many bytes may be written for one that is given back.
    fn price(self) -> u64 {
        match self {
            Self::Normal => 2,
            Self::Idle => 8,
            Self::Full => u64::MAX,
        }
    }
}

/// SSTs that are written anew, because they point into worn files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ValueGc {
    pub(crate) ssts: Vec<(Level, Arc<SstMeta>)>,
    pub(crate) worn: BTreeSet<FileNumber>,
}

/// The value files of which so little is live that it is worth moving.
pub(crate) fn gc_candidates(version: &Version, thrift: GcMode) -> BTreeSet<FileNumber> {
    let is_worn = |file: &&ValueFile| {
        let (dead, all) = (u128::from(file.dead_size()), u128::from(file.meta.records_size()));
        dead > 0 && dead * 100 >= all * thrift.worn_percent()
    };
    version.value_files().filter(is_worn).map(|file| file.meta.number).collect()
}

/// Small value files of about one size, where there are many: a merge that meets them makes larger ones of them. Sizes are compared
/// by powers of four, so that a value moves a few times at most on that account.
pub(crate) fn small_files(version: &Version, max_file_size: u64) -> BTreeSet<FileNumber> {
    let mut crowds = BTreeMap::<u32, Vec<FileNumber>>::new();
    for file in version.value_files().filter(|file| file.meta.size <= max_file_size / SMALL_PART) {
        crowds.entry(file.meta.size.max(1).ilog2() / 2).or_default().push(file.meta.number);
    }
    crowds.into_values().filter(|crowd| crowd.len() >= CROWD).flatten().collect()
}

/// What to write anew so that worn files can go; `None` when there are none, or when it does not pay.
pub(crate) fn reclaim(version: &Version, config: &LeveledConfig, thrift: GcMode) -> Option<ValueGc> {
    let worn = gc_candidates(version, thrift);
    let cost = |meta: &SstMeta| {
        let moved = meta.values.iter().filter(|share| worn.contains(&share.file)).map(|share| share.size);
        let moved: u64 = moved.sum();
        if moved > 0 { meta.size + moved } else { 0 }
    };
    let files = version.files().map(|(level, meta)| (level, meta, cost(meta)));
    let pointing: Vec<_> = files.filter(|(_, _, cost)| *cost > 0).collect();
    let price: u64 = pointing.iter().map(|(_, _, cost)| cost).sum();
    let gain: u64 = worn.iter().filter_map(|file| version.value_file(*file)).map(ValueFile::dead_size).sum();
    if worn.is_empty() || price > gain.saturating_mul(thrift.price()) {
        return None;
    }
    let limit = config.max_sst_size.saturating_mul(MAX_RECLAIM_FILES);
    let mut ssts = Vec::new();
    let mut taken = 0;
    for (level, meta, cost) in pointing {
        if !ssts.is_empty() && taken + cost > limit {
            break;
        }
        taken += cost;
        ssts.push((level, Arc::clone(meta)));
    }
    Some(ValueGc { ssts, worn })
}

/// The value files of a merge or a reclaim: those that are worn, and where their live values go.
pub(crate) struct Relocation<'a> {
    pub(crate) worn: BTreeMap<FileNumber, Arc<Values>>,
    pub(crate) place: &'a Arc<ValueStore>,
    /// Bytes of a value file at which the next one is begun.
    pub(crate) max_file_size: u64,
}

/// Moves values as their entries pass by.
pub(super) struct ValueRelocator<'a> {
    worn: &'a BTreeMap<FileNumber, Arc<Values>>,
    writer: ValueWriter<'a>,
    pointer: Vec<u8>,
    /// The bytes of values that were moved since somebody asked.
    moved: u64,
}

impl<'a> ValueRelocator<'a> {
    pub(super) fn new(moving: &'a Relocation<'a>, numbers: &'a dyn Fn() -> Result<FileNumber>) -> Self {
        let writer = ValueWriter::new(moving.place, moving.max_file_size, numbers);
        Self { worn: &moving.worn, writer, pointer: Vec::new(), moved: 0 }
    }

    /// The entry as it is to be written: with another pointer when it points into a worn file, after its value was copied.
    pub(super) fn pass<'e>(&'e mut self, entry: Entry<'e>) -> Result<Entry<'e>> {
        if entry.kind != Kind::Pointer || self.worn.is_empty() {
            return Ok(entry);
        }
        let pointer = ValuePointer::decode(entry.value).expect("an SST holds valid pointers only");
        let Some(from) = self.worn.get(&pointer.file) else { return Ok(entry) };
        self.moved += pointer.size;
        let moved = self.writer.copy(from, &pointer, entry.key)?;
        self.pointer.clear();
        moved.encode(&mut self.pointer);
        Ok(Entry { value: &self.pointer, ..entry })
    }

    /// How many bytes of values were moved since this was last asked.
    pub(super) fn take_moved(&mut self) -> u64 {
        std::mem::take(&mut self.moved)
    }

    /// The new files, durable and under the names of drafts.
    pub(super) fn finish(self) -> Result<Vec<FinishedValues>> {
        self.writer.finish()
    }
}

/// New files, durable and checked.
#[derive(Debug, Default)]
pub(crate) struct GcOutput {
    pub(crate) ssts: Vec<Arc<Sst>>,
    pub(crate) values: Vec<Arc<Values>>,
}

/// A reclaim that is to be done.
pub(crate) struct ValueGcJob<'a> {
    pub(crate) reclaim: &'a ValueGc,
    pub(crate) moving: Relocation<'a>,
    pub(crate) place: &'a Arc<SstStore>,
    pub(crate) go_on: &'a ProgressHook<'a>,
}

impl ValueGcJob<'_> {
    /// Writes an SST for each that is replaced, in their order, durably and under its name, and the value files that they
    /// point into before them. After an error, also that of `go_on`, none is left.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: &dyn Fn() -> Result<FileNumber>,
    ) -> Result<GcOutput> {
        let mut mover = ValueRelocator::new(&self.moving, numbers);
        let mut patience = Patience::new(self.go_on);
        let mut whole = Vec::new();
        for (_, meta) in &self.reclaim.ssts {
            let sst = sst(meta);
            let mut draft = self.place.begin(numbers()?)?;
            let mut cursor = sst.sweep()?;
            let mut count = 0u64;
            while let Some(entry) = cursor.entry() {
                let size = 2 * (entry.key.len() + entry.value.len()) as u64;
                draft.add(mover.pass(entry)?)?;
                cursor.advance()?;
                count += 1;
                patience.note(size + mover.take_moved())?;
            }
            if count != meta.entry_count {
                let fault = Fault::Invalid("number of entries");
                return Err(fault.at(&FileName::Sst(meta.number).path(&self.place.dir), 0));
            }
            for fragment in sst.range_tombstones()?.iter().flat_map(|ranges| ranges.iter()) {
                draft.add_fragment(fragment)?;
            }
            whole.push(draft.finish()?);
        }
        let values = self.moving.place.publish(mover.finish()?)?;
        let ssts = self.place.publish(whole)?;
        Ok(GcOutput { ssts, values: values.keep() })
    }
}
