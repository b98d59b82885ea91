//! Takes out of a file what newer runs hide, where a merge of the two finds no room: only what is left of the file is written.
//!
//! ```text
//!   level 0    | a✗  c✗  d✗ |              read only
//!   level 6    | a b | c d e |   ──►   | b | e |     one file at a time, each gone before the next is written
//! ```
//!
//! 1. An entry goes when every reader sees a newer version of its key, or a newer range tombstone over it, in a newer run: what hides it
//!    stays. So a file becomes smaller in its place, whatever lies beneath.
//! 2. Range tombstones of the file stay as they are.
//! 3. A file of which less than a part would go is left alone, and so is one over which too few entries lie, unread.

use std::sync::Arc;

use super::fully_deleted::RunRanges;
use super::garbage_filter::{Patience, ProgressHook};
use super::value_gc::GcOutput;
use crate::base::{Entry, FileNumber, Fragment, FragmentMerge, KeyRange, Kind, SeqNo};
use crate::cursor::{self, ConcatCursor, Direction, EntryCursor, Pieces};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::sst::{Sst, SstCursor, SstMeta, SstStore, TempSst};

/// The part of its entries that has to go from a file.
const LEAST_PART: u64 = 8;

/// A file from which something may go.
#[derive(Clone, Debug)]
pub(crate) struct Thinning {
    pub(crate) level: Level,
    pub(crate) file: Arc<SstMeta>,
    /// What newer runs have in its range, the newest run first.
    above: Vec<Vec<Arc<SstMeta>>>,
}

/// The files of a version from which something may go, in the order in which they can be thinned one after the other: what lies above
/// one is not replaced before it.
pub(crate) fn thinnings(version: &Version) -> impl Iterator<Item = Thinning> {
    let runs: Vec<_> = version.runs().collect();
    (1..runs.len()).rev().flat_map(move |place| {
        let (level, files) = runs[place];
        let newer: Vec<_> = runs[..place].iter().map(|(_, files)| *files).collect();
        files.iter().filter_map(move |file| {
            let above = newer.iter().map(|files| sharing(files, file)).filter(|files| !files.is_empty());
            let above: Vec<_> = above.collect();
            let hiding = above.iter().flatten().map(|meta| match meta.fragment_count {
                0 => meta.entry_count,
                _ => u64::MAX,
            });
            let hiding = hiding.fold(0, u64::saturating_add);
            let may_hide = file.entry_count > 0 && hiding >= file.entry_count.div_ceil(LEAST_PART);
            may_hide.then(|| Thinning { level, file: Arc::clone(file), above })
        })
    })
}

/// The files of a run that share keys with another one.
fn sharing(files: &[Arc<SstMeta>], other: &SstMeta) -> Vec<Arc<SstMeta>> {
    let start = files.partition_point(|meta| meta.end <= other.smallest);
    let shared = files[start..].iter().take_while(|meta| meta.smallest < other.end);
    shared.cloned().collect()
}

/// A thinning that is to be done.
pub(crate) struct ThinJob<'a> {
    pub(crate) thinning: &'a Thinning,
    pub(crate) place: &'a Arc<SstStore>,
    /// All who read, read at this number or above.
    pub(crate) watermark: SeqNo,
    pub(crate) go_on: &'a ProgressHook<'a>,
}

impl ThinJob<'_> {
    /// Writes what is left of the file, durably and under its name: one file, or none. `None` when too little would go. After an error,
    /// also that of `go_on`, no output is left.
    ///
    /// Cost: reads the file once, and once more to write what is left, and each time what lies above it.
    pub(crate) fn run(
        &self,
        sst: impl Fn(&SstMeta) -> Arc<Sst>,
        numbers: impl Fn() -> Result<FileNumber>,
    ) -> Result<Option<GcOutput>> {
        let file = sst(&self.thinning.file);
        let mut going = 0;
        self.pass(&file, &sst, |_, is_hidden| {
            going += u64::from(is_hidden);
            Ok(())
        })?;
        if going == 0 || going < self.thinning.file.entry_count.div_ceil(LEAST_PART) {
            return Ok(None);
        }
        let mut draft = None;
        self.pass(&file, &sst, |entry, is_hidden| {
            if is_hidden { Ok(()) } else { self.begun(&mut draft, &numbers)?.add(entry) }
        })?;
        for fragment in file.range_tombstones()?.iter().flat_map(|ranges| ranges.iter()) {
            self.begun(&mut draft, &numbers)?.add_fragment(fragment)?;
        }
        let whole = draft.map(TempSst::finish).transpose()?;
        let ssts = self.place.publish(whole.into_iter().collect())?;
        Ok(Some(GcOutput { ssts, values: Vec::new() }))
    }

    fn begun<'d>(
        &self,
        draft: &'d mut Option<TempSst>,
        numbers: &impl Fn() -> Result<FileNumber>,
    ) -> Result<&'d mut TempSst> {
        Ok(match draft {
            Some(draft) => draft,
            none => none.insert(self.place.begin(numbers()?)?),
        })
    }

    /// Visits the entries of the file in their order, and whether each is hidden.
    fn pass(
        &self,
        file: &Arc<Sst>,
        sst: &impl Fn(&SstMeta) -> Arc<Sst>,
        mut visit: impl FnMut(Entry<'_>, bool) -> Result<()>,
    ) -> Result<()> {
        let mut patience = Patience::new(self.go_on);
        let mut hiding = Hiding::new(self.thinning, self.watermark, sst)?;
        let mut entries = file.sweep()?;
        while let Some(entry) = entries.entry() {
            patience.note((entry.key.len() + entry.value.len()) as u64)?;
            let is_hidden = hiding.hides(&entry, &mut patience)?;
            visit(entry, is_hidden)?;
            entries.advance()?;
        }
        Ok(())
    }
}

/// What newer runs hide from every reader, followed in the order of the keys.
struct Hiding {
    entries: cursor::MergeCursor<ConcatCursor<ThinParts>>,
    ranges: FragmentMerge<RunRanges>,
    /// The first fragment that ends behind the last key.
    over: Option<Fragment>,
    watermark: SeqNo,
    /// The last key, and the newest version of it that every reader sees.
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
        let part = |ssts: Vec<_>| {
            let places = 0..ssts.len();
            ConcatCursor::new(ThinParts { ssts, range: range.clone() }, places, Direction::Forward)
        };
        let parts = runs.into_iter().map(part).collect::<Result<_>>()?;
        let entries = cursor::MergeCursor::new(parts, Direction::Forward);
        let over = ranges.next()?;
        Ok(Self { entries, ranges, over, watermark, key: Vec::new(), newest: None })
    }

    /// Whether no reader sees the next entry.
    fn hides(&mut self, entry: &Entry<'_>, patience: &mut Patience<'_>) -> Result<bool> {
        if self.newest.is_none() || self.key != entry.key {
            self.key.clear();
            self.key.extend_from_slice(entry.key);
            self.newest = self.find_newest(patience)?;
        }
        while self.over.as_ref().is_some_and(|over| *over.end <= *entry.key) {
            self.over = self.ranges.next()?;
        }
        let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
        let covered = over.and_then(|over| over.newest(self.watermark));
        Ok(self.newest.max(covered).is_some_and(|newest| newest > entry.seqno))
    }

    fn find_newest(&mut self, patience: &mut Patience<'_>) -> Result<Option<SeqNo>> {
        while let Some(found) = self.entries.entry() {
            if *found.key > *self.key {
                break;
            }
            patience.note((found.key.len() + found.value.len()) as u64)?;
            if found.key == self.key && found.seqno <= self.watermark && hides_older(found.kind) {
                return Ok(Some(found.seqno));
            }
            self.entries.advance()?;
        }
        Ok(None)
    }
}

/// Whether a version says all that there is to know of its key.
fn hides_older(kind: Kind) -> bool {
    matches!(kind, Kind::Put | Kind::Pointer | Kind::Delete)
}

/// What the files of a run have in a range.
struct ThinParts {
    ssts: Vec<Arc<Sst>>,
    range: KeyRange,
}

impl Pieces for ThinParts {
    type Cursor = SstCursor;

    fn open(&self, place: usize) -> Result<SstCursor> {
        self.ssts[place].cursor(&self.range, Direction::Forward)
    }
}
