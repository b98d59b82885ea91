//! Removes from a file the entries that newer runs hide, when there is no disk space to merge the
//! two: only the rest of that one file is written.
//!
//! ```text
//!   level 0    | a✗  c✗  d✗ |             read only
//!   level 6    | a b | c d e |   ──►   | b | e |   one file at a time, each removed before the next
//! ```
//!
//! 1. An entry is dropped when every reader sees a newer version of its key, or a newer range
//!    tombstone over it, in a newer run. What hides it stays, so the file shrinks in place,
//!    whatever older runs hold.
//! 2. Range tombstones of the file are kept.
//! 3. A file is left alone when too small a part of it would be dropped, and is not even read when
//!    too few entries of newer runs overlap it.

use std::sync::Arc;

use super::fully_deleted::RunRanges;
use super::garbage_filter::{ProgressCounter, ProgressHook};
use super::value_gc::GcOutput;
use crate::base::{Entry, FileNumber, Fragment, FragmentMerge, KeyRange, Kind, SeqNo};
use crate::cursor::{self, ConcatCursor, Direction, EntryCursor, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::sst::{Sst, SstCursor, SstMeta, SstStore, TempSst};

/// At least one in so many entries of a file must be hidden.
const MIN_PART: u64 = 8;

#[derive(Clone, Debug)]
pub(crate) struct Thinning {
    pub(crate) level: Level,
    pub(crate) file: Arc<SstMeta>,
    /// The files of newer runs that overlap its range, newest run first.
    above: Vec<Vec<Arc<SstMeta>>>,
}

/// The candidates of a version, oldest run first, so that they can be thinned one after the other:
/// the files above a candidate are not replaced before it.
pub(crate) fn thinnings(version: &Version) -> impl Iterator<Item = Thinning> {
    let runs: Vec<_> = version.runs().collect();
    (1..runs.len()).rev().flat_map(move |index| {
        let (level, files) = runs[index];
        let newer: Vec<_> = runs[..index].iter().map(|(_, files)| *files).collect();
        files.iter().filter_map(move |file| {
            let above = newer.iter().map(|files| sharing(files, file)).filter(|files| !files.is_empty());
            let above: Vec<_> = above.collect();
            let hiding = above.iter().flatten().map(|meta| match meta.fragment_count {
                0 => meta.entry_count,
                _ => u64::MAX,
            });
            let hiding = hiding.fold(0, u64::saturating_add);
            let may_hide = file.entry_count > 0 && hiding >= file.entry_count.div_ceil(MIN_PART);
            may_hide.then(|| Thinning { level, file: Arc::clone(file), above })
        })
    })
}

fn sharing(files: &[Arc<SstMeta>], other: &SstMeta) -> Vec<Arc<SstMeta>> {
    let start = files.partition_point(|meta| meta.end <= other.smallest);
    let shared = files[start..].iter().take_while(|meta| meta.smallest < other.end);
    shared.cloned().collect()
}

pub(crate) struct ThinJob<'a> {
    pub(crate) thinning: &'a Thinning,
    pub(crate) sst_store: &'a Arc<SstStore>,
    /// Every reader reads at this seqno or above.
    pub(crate) watermark: SeqNo,
    pub(crate) progress: &'a ProgressHook<'a>,
}

impl ThinJob<'_> {
    /// Writes the entries that are left, durably and under the final name: one file, or none.
    /// Returns `None` when too few entries are hidden. After an error, one of the progress hook
    /// included, no output file is left.
    ///
    /// Cost: reads the file twice, to count and to write, and each time the files above it in its
    /// range.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: impl Fn() -> Result<FileNumber>,
    ) -> Result<Option<GcOutput>> {
        let file = sst(&self.thinning.file);
        let mut hidden_count = 0;
        self.scan(&file, &sst, |_, is_hidden| {
            hidden_count += u64::from(is_hidden);
            Ok(())
        })?;
        if hidden_count == 0 || hidden_count < self.thinning.file.entry_count.div_ceil(MIN_PART) {
            return Ok(None);
        }
        let mut output = None;
        self.scan(&file, &sst, |entry, is_hidden| {
            if is_hidden { Ok(()) } else { self.writer(&mut output, &numbers)?.add(entry) }
        })?;
        for fragment in file.range_tombstones()?.iter().flat_map(|ranges| ranges.iter()) {
            self.writer(&mut output, &numbers)?.add_fragment(fragment)?;
        }
        let finished = output.map(TempSst::finish).transpose()?;
        let ssts = self.sst_store.publish(finished.into_iter().collect())?;
        Ok(Some(GcOutput { ssts, values: Vec::new() }))
    }

    fn writer<'d>(
        &self,
        sst: &'d mut Option<TempSst>,
        numbers: &impl Fn() -> Result<FileNumber>,
    ) -> Result<&'d mut TempSst> {
        Ok(match sst {
            Some(sst) => sst,
            none => none.insert(self.sst_store.begin(numbers()?)?),
        })
    }

    /// Visits each entry of the file in order, with whether it is hidden.
    fn scan(
        &self,
        file: &Arc<Sst>,
        sst: &impl Fn(&SstMeta) -> Arc<Sst>,
        mut visit: impl FnMut(Entry<'_>, bool) -> Result<()>,
    ) -> Result<()> {
        let mut progress = ProgressCounter::new(self.progress);
        let mut hiding = Hiding::new(self.thinning, self.watermark, sst)?;
        let mut entries = file.sweep()?;
        while let Some(entry) = entries.entry() {
            progress.note((entry.key.len() + entry.value.len()) as u64)?;
            let is_hidden = hiding.hides(&entry, &mut progress)?;
            visit(entry, is_hidden)?;
            entries.advance()?;
        }
        Ok(())
    }
}

/// The newer versions and range tombstones that hide entries from every reader, followed in key
/// order.
struct Hiding {
    entries: cursor::MergeCursor<ConcatCursor<ThinParts>>,
    ranges: FragmentMerge<RunRanges>,
    /// The first fragment that ends after the current key.
    over: Option<Fragment>,
    watermark: SeqNo,
    /// The current key, and the newest version of it that every reader sees.
    key: Vec<u8>,
    newest: Option<SeqNo>,
}

impl Hiding {
    fn new(
        Thinning { file, above, .. }: &Thinning,
        watermark: SeqNo,
        sst: &impl Fn(&SstMeta) -> Arc<Sst>,
    ) -> Result<Self> {
        let open = |files: &Vec<Arc<SstMeta>>| files.iter().map(|meta| sst(meta)).collect::<Vec<_>>();
        let runs: Vec<_> = above.iter().map(open).collect();
        let ranges = runs.iter().map(|ssts| RunRanges::new(ssts.clone())).collect();
        let seen = move |seqnos: &mut Vec<SeqNo>| {
            seqnos.retain(|seqno| *seqno <= watermark);
            seqnos.truncate(1);
        };
        let mut ranges = FragmentMerge::new(ranges, seen)?;
        let range = KeyRange { start: file.smallest.clone(), end: Some(file.end.clone()) };
        let open_run = |ssts: Vec<_>| {
            let indexes = 0..ssts.len();
            ConcatCursor::new(ThinParts { ssts, range: range.clone() }, indexes, Direction::Forward)
        };
        let run_cursors = runs.into_iter().map(open_run).collect::<Result<_>>()?;
        let entries = cursor::MergeCursor::new(run_cursors, Direction::Forward);
        let over = ranges.next()?;
        Ok(Self { entries, ranges, over, watermark, key: Vec::new(), newest: None })
    }

    /// Returns whether no reader sees the entry. Keys must ascend from call to call.
    fn hides(&mut self, entry: &Entry<'_>, progress: &mut ProgressCounter<'_>) -> Result<bool> {
        if self.newest.is_none() || self.key != entry.key {
            self.key.clear();
            self.key.extend_from_slice(entry.key);
            self.newest = self.find_newest(progress)?;
        }
        while self.over.as_ref().is_some_and(|over| *over.end <= *entry.key) {
            self.over = self.ranges.next()?;
        }
        let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
        let covered = over.and_then(|over| over.newest(self.watermark));
        Ok(self.newest.max(covered).is_some_and(|newest| newest > entry.seqno))
    }

    fn find_newest(&mut self, progress: &mut ProgressCounter<'_>) -> Result<Option<SeqNo>> {
        while let Some(found) = self.entries.entry() {
            if *found.key > *self.key {
                break;
            }
            progress.note((found.key.len() + found.value.len()) as u64)?;
            if found.key == self.key && found.seqno <= self.watermark && hides_older(found.kind) {
                return Ok(Some(found.seqno));
            }
            self.entries.advance()?;
        }
        Ok(None)
    }
}

/// Whether a version hides all older ones of its key, as an add does not.
fn hides_older(kind: Kind) -> bool {
    matches!(kind, Kind::Put | Kind::Pointer | Kind::Delete)
}

struct ThinParts {
    ssts: Vec<Arc<Sst>>,
    range: KeyRange,
}

impl Pieces for ThinParts {
    type Cursor = SstCursor;

    fn open(&self, index: usize) -> Result<SstCursor> {
        self.ssts[index].cursor(&self.range, Direction::Forward)
    }
}
