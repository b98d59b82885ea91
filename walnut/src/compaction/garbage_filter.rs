//! What a flush and a merge have in common: entries and range tombstones come in order, what no reader needs is left out, and
//! the rest goes to SSTs.
//!
//! ```text
//!   entries ─────────────► keeps? ─► the caller ─► add ─┐
//!                            │ over a key                ├─► outputs
//!   range tombstones ─► FragmentMerge ─► kept of it ─────┘
//! ```
//!
//! 1. Of the range tombstones one fragment is held, that which the entries have come to, whatever their number.
//! 2. After some hundred entries or fragments, or a MiB of them, it is asked whether to go on: so the work can be stopped however much
//!    of it there is.

use super::fold::FoldedAdds;
use super::output_files::OutputFiles;
use crate::base::{Entry, FileNumber, Fragment, FragmentMerge, FragmentSource, Operand};
use crate::cursor::EntryCursor;
use crate::error::Result;
use crate::mvcc::Garbage;
use crate::sst::FinishedSst;

/// How many entries and fragments pass between two questions whether to go on, and how many bytes.
const PATIENCE: u32 = 256;
const PATIENCE_SIZE: u64 = 1 << 20;

/// Asked from time to time whether to go on, and told how many bytes were read and written since: may wait, and ends the work with
/// its error.
pub(crate) type ProgressHook<'a> = dyn Fn(u64) -> Result<()> + 'a;

/// Counts what passes, and asks whether to go on.
pub(super) struct Patience<'a> {
    go_on: &'a ProgressHook<'a>,
    count: u32,
    size: u64,
}

impl<'a> Patience<'a> {
    pub(super) fn new(go_on: &'a ProgressHook<'a>) -> Self {
        Self { go_on, count: 0, size: 0 }
    }

    /// Notes a step that has moved so many bytes.
    pub(super) fn note(&mut self, size: u64) -> Result<()> {
        self.count += 1;
        self.size = self.size.saturating_add(size);
        if self.count < PATIENCE && self.size < PATIENCE_SIZE {
            return Ok(());
        }
        self.count = 0;
        (self.go_on)(std::mem::take(&mut self.size))
    }
}

/// Tells what is kept, and writes it. Dropping it removes what was written.
pub(crate) struct GarbageFilter<'a, S, N> {
    garbage: Garbage,
    ranges: FragmentMerge<S>,
    /// The first fragment that ends behind the last entry: all range tombstones that it had.
    over: Option<Fragment>,
    /// Whether nothing older than a fragment, and under it, lies elsewhere.
    is_oldest: Box<dyn Fn(&Fragment) -> bool + 'a>,
    outputs: OutputFiles<'a, N>,
    patience: Patience<'a>,
}

impl<'a, S: FragmentSource, N: FnMut() -> Result<FileNumber>> GarbageFilter<'a, S, N> {
    /// `ranges` has the range tombstones of each container, in the order of their keys.
    pub(super) fn new(
        garbage: Garbage,
        ranges: Vec<S>,
        is_oldest: impl Fn(&Fragment) -> bool + 'a,
        outputs: OutputFiles<'a, N>,
        go_on: &'a ProgressHook<'a>,
    ) -> Result<Self> {
        let thinner = garbage.clone();
        let mut sieve = Self {
            garbage,
            ranges: FragmentMerge::new(ranges, move |seqnos| thinner.thin(seqnos))?,
            over: None,
            is_oldest: Box::new(is_oldest),
            outputs,
            patience: Patience::new(go_on),
        };
        sieve.take_fragment()?;
        Ok(sieve)
    }

    /// Whether the next entry is kept. `is_oldest` says that no older version of the key lies elsewhere.
    pub(crate) fn keeps(&mut self, entry: &Entry<'_>, is_oldest: impl FnOnce(&[u8]) -> bool) -> Result<bool> {
        self.patience.note((entry.key.len() + entry.value.len()) as u64)?;
        while self.over.as_ref().is_some_and(|over| *over.end <= *entry.key) {
            self.take_fragment()?;
            self.outputs.pass_ranges(Some(entry.key))?;
        }
        let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
        Ok(self.garbage.keeps(entry, over, is_oldest))
    }

    /// Folds adds: see [`FoldedAdds`]. The cursor stands on one that is kept, and goes on behind what was folded into it.
    ///
    /// What is below it, in the same part of history, is folded into it down to a base, which makes it a put; and so it is when nothing
    /// older of the key lies anywhere. `is_oldest` says that none lies elsewhere.
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
            self.patience.note((entry.key.len() + entry.value.len()) as u64)?;
            let over = self.over.as_ref().filter(|over| *over.start <= *entry.key);
            let part = if self.garbage.covers(&entry, over) { Operand::Base(0) } else { entry.operand() };
            folded.take(&entry, part);
            entries.advance()?;
            if let Operand::Base(_) = part {
                return Ok(folded);
            }
        }
        if is_oldest(folded.key()) {
            folded.end();
        }
        Ok(folded)
    }

    /// Whether an entry that is kept is ageless: see [`Garbage::can_zero_seqno`].
    pub(super) fn can_zero_seqno(&self, entry: &Entry<'_>) -> bool {
        self.garbage.can_zero_seqno(entry)
    }

    /// Writes an entry that is kept.
    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.patience.note((entry.key.len() + entry.value.len()) as u64)?;
        self.outputs.add(entry)
    }

    /// Notes that so many bytes were moved beside the entries.
    pub(super) fn note(&mut self, size: u64) -> Result<()> {
        self.patience.note(size)
    }

    /// The files, all of them durable and none under its own name.
    pub(crate) fn finish(mut self) -> Result<Vec<FinishedSst>> {
        while self.over.is_some() {
            self.outputs.pass_ranges(None)?;
            self.take_fragment()?;
        }
        self.outputs.finish()
    }

    /// Goes on to the next fragment, and hands what is kept of it to the outputs.
    fn take_fragment(&mut self) -> Result<()> {
        self.over = self.ranges.next()?;
        let Some(over) = &self.over else { return Ok(()) };
        let size = over.start.len() + over.end.len() + size_of_val(&*over.seqnos);
        self.patience.note(size as u64)?;
        if let Some(kept) = self.garbage.keep_fragment(over.clone(), &self.is_oldest) {
            self.outputs.add_fragment(kept);
        }
        Ok(())
    }
}
