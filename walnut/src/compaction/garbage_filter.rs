//! The garbage filter that flush and merge share: it takes entries and range tombstones in key
//! order, drops those that no reader needs, and writes the others to SSTs.
//!
//! ```text
//!   entries ─────────────► keeps? ─► the caller ─► add ─┐
//!                            │ over a key                ├─► output_files
//!   range tombstones ─► FragmentMerge ─► kept of it ─────┘
//! ```
//!
//! 1. At most one fragment of the range tombstones is in memory: the one at the current key.
//! 2. After some hundred entries or fragments, or a MiB of them, the progress hook is called, so
//!    that the job can be stopped however large it is.

use super::output_files::OutputFiles;
use crate::base::{Entry, FileNumber, Fragment, FragmentMerge, FragmentSource, Kind, Operand, SeqNo};
use crate::cursor::EntryCursor;
use crate::error::Result;
use crate::mvcc::Garbage;
use crate::sst::FinishedSst;

/// The number of entries and fragments, and of bytes, after which the progress hook is called.
const PROGRESS_INTERVAL: u32 = 256;
const PROGRESS_INTERVAL_SIZE: u64 = 1 << 20;

/// Called from time to time with the number of bytes read and written since the last call. It may
/// wait, as the rate limit does; its error ends the job.
pub(crate) type ProgressHook<'a> = dyn Fn(u64) -> Result<()> + 'a;

/// Counts entries and bytes, and calls the progress hook.
pub(super) struct ProgressCounter<'a> {
    hook: &'a ProgressHook<'a>,
    count: u32,
    size: u64,
}

impl<'a> ProgressCounter<'a> {
    pub(super) fn new(hook: &'a ProgressHook<'a>) -> Self {
        Self { hook, count: 0, size: 0 }
    }

    pub(super) fn note(&mut self, size: u64) -> Result<()> {
        self.count += 1;
        self.size = self.size.saturating_add(size);
        if self.count < PROGRESS_INTERVAL && self.size < PROGRESS_INTERVAL_SIZE {
            return Ok(());
        }
        self.count = 0;
        (self.hook)(std::mem::take(&mut self.size))
    }
}

/// Decides which entries are kept, and writes them. Dropping it removes the output.
pub(crate) struct GarbageFilter<'a, S, N> {
    garbage: Garbage,
    ranges: FragmentMerge<S>,
    /// The first fragment that ends after the current key, with all its range tombstones.
    over: Option<Fragment>,
    /// Whether nothing older under a fragment exists outside the inputs.
    is_oldest: Box<dyn Fn(&Fragment) -> bool + 'a>,
    output_files: OutputFiles<'a, N>,
    progress: ProgressCounter<'a>,
}

impl<'a, S: FragmentSource, N: FnMut() -> Result<FileNumber>> GarbageFilter<'a, S, N> {
    /// `ranges` are the range tombstones of each input, in key order.
    pub(super) fn new(
        garbage: Garbage,
        ranges: Vec<S>,
        is_oldest: impl Fn(&Fragment) -> bool + 'a,
        output_files: OutputFiles<'a, N>,
        hook: &'a ProgressHook<'a>,
    ) -> Result<Self> {
        let range_garbage = garbage.clone();
        let mut filter = Self {
            garbage,
            ranges: FragmentMerge::new(ranges, move |seqnos| range_garbage.thin(seqnos))?,
            over: None,
            is_oldest: Box::new(is_oldest),
            output_files,
            progress: ProgressCounter::new(hook),
        };
        filter.take_fragment()?;
        Ok(filter)
    }

    /// Returns whether the next entry is kept. `is_oldest` returns whether no older version of the
    /// key exists outside the inputs.
    pub(crate) fn keeps(&mut self, entry: &Entry<'_>, is_oldest: impl FnOnce(&[u8]) -> bool) -> Result<bool> {
        self.progress.note((entry.key.len() + entry.value.len()) as u64)?;
        while self.over.as_ref().is_some_and(|over| *over.end <= *entry.key) {
            self.take_fragment()?;
            self.output_files.write_ranges(Some(entry.key))?;
        }
        let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
        Ok(self.garbage.keeps(entry, over, is_oldest))
    }

    /// Folds adds (RocksDB: merge operands), see [`FoldedAdds`]. `entries` is at an add that is
    /// kept, and is left after the last entry that was folded.
    ///
    /// Older versions in the same stripe are folded down to a base, which makes the result a put;
    /// so does the end of the versions when no older one exists anywhere. `is_oldest` returns
    /// whether none exists outside the inputs.
    #[cold]
    pub(crate) fn fold(
        &mut self,
        entries: &mut impl EntryCursor,
        is_oldest: impl FnOnce(&[u8]) -> bool,
    ) -> Result<FoldedAdds> {
        let mut folded = FoldedAdds::none();
        while let Some(entry) = entries.entry() {
            if folded.is_begun() && entry.key != folded.key() {
                break;
            }
            if folded.is_begun() && self.garbage.is_other_stripe(&entry) {
                return Ok(folded);
            }
            self.progress.note((entry.key.len() + entry.value.len()) as u64)?;
            let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
            let operand = if self.garbage.covers(&entry, over) { Operand::Base(0) } else { entry.operand() };
            folded.take(&entry, operand);
            entries.advance()?;
            if let Operand::Base(_) = operand {
                return Ok(folded);
            }
        }
        if is_oldest(folded.key()) {
            folded.end();
        }
        Ok(folded)
    }

    /// Whether the sequence number of a kept entry can be zeroed: see [`Garbage::can_zero_seqno`].
    pub(super) fn can_zero_seqno(&self, entry: &Entry<'_>) -> bool {
        self.garbage.can_zero_seqno(entry)
    }

    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.progress.note((entry.key.len() + entry.value.len()) as u64)?;
        self.output_files.add(entry)
    }

    /// Counts bytes that were moved apart from the entries.
    pub(super) fn note(&mut self, size: u64) -> Result<()> {
        self.progress.note(size)
    }

    /// The SSTs, durable and still under temporary names.
    pub(crate) fn finish(mut self) -> Result<Vec<FinishedSst>> {
        while self.over.is_some() {
            self.output_files.write_ranges(None)?;
            self.take_fragment()?;
        }
        self.output_files.finish()
    }

    /// Advances to the next fragment, and queues what is kept of it for the output.
    fn take_fragment(&mut self) -> Result<()> {
        self.over = self.ranges.next()?;
        let Some(over) = &self.over else { return Ok(()) };
        let size = over.start.len() + over.end.len() + size_of_val(&*over.seqnos);
        self.progress.note(size as u64)?;
        if let Some(kept) = self.garbage.keep_fragment(over.clone(), &self.is_oldest) {
            self.output_files.add_fragment(kept);
        }
        Ok(())
    }
}

/// Folds the adds of one key into a single entry (RocksDB: a partial or full merge of operands).
///
/// ```text
///   stripes     9 add 3   8 add -1 | 6 add 2   5 put 40   4 put 7 |  nothing older anywhere
///   kept        9 add 2            | 6 put 42                     |
/// ```
///
/// [`Garbage`] decides which entries are in one stripe, where no reader can tell one from the
/// other.
#[derive(Debug)]
pub(crate) struct FoldedAdds {
    key: Vec<u8>,
    seqno: SeqNo,
    /// `None` before the first entry.
    kind: Option<Kind>,
    sum: i64,
    value: [u8; 8],
}

impl FoldedAdds {
    fn none() -> Self {
        Self { key: Vec::new(), seqno: SeqNo::ZERO, kind: None, sum: 0, value: [0; 8] }
    }

    fn is_begun(&self) -> bool {
        self.kind.is_some()
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    /// Folds the next older version, whose operand this is.
    fn take(&mut self, entry: &Entry<'_>, operand: Operand) {
        if self.kind.is_none() {
            entry.key.clone_into(&mut self.key);
            self.seqno = entry.seqno;
        }
        let (Operand::Delta(number) | Operand::Base(number)) = operand;
        self.sum = self.sum.wrapping_add(number);
        self.value = self.sum.to_le_bytes();
        self.kind = Some(if matches!(operand, Operand::Base(_)) { Kind::Put } else { Kind::Add });
    }

    /// Makes the sum a value, because nothing older exists.
    fn end(&mut self) {
        self.kind = Some(Kind::Put);
    }

    /// The folded entry, with the sequence number of the newest version.
    pub(crate) fn entry(&self) -> Entry<'_> {
        let kind = self.kind.unwrap_or(Kind::Add);
        Entry { key: &self.key, seqno: self.seqno, kind, value: &self.value }
    }
}
