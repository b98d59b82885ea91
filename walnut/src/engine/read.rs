//! Point reads: the newest version of a key, wherever it lies.
//!
//! No lock is taken and nothing is allocated. The view is loaded *before* the sequence number: the number is then at
//! least as new as anything that made the view, so no version that it needs can have been dropped from it. A view
//! never changes, so several reads through one [`Reader`] see one state without anything being pinned.

use smallvec::SmallVec;

use super::Core;
use super::view::View;
use crate::base::{Entry, KeyHash, Kind, SeqNo};
use crate::error::Result;
use crate::mvcc::Pin;
use crate::sst::Epoch;

/// Reads at one sequence number.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    view: &'a View,
    at: SeqNo,
}

impl Core {
    /// Gives a reader of what is visible now to `reads`.
    pub(crate) fn read<R>(&self, reads: impl FnOnce(Reader<'_>) -> Result<R>) -> Result<R> {
        self.ensure_open()?;
        let _epoch = Epoch::enter();
        let view = self.view.load();
        reads(Reader { view: &view, at: self.visible() })
    }

    /// Gives a reader at a pinned sequence number to `reads`. [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld) when the
    /// pin holds no more.
    pub(crate) fn read_at<R>(&self, pin: &Pin, reads: impl FnOnce(Reader<'_>) -> Result<R>) -> Result<R> {
        self.ensure_open()?;
        let _epoch = Epoch::enter();
        let view = self.view.load();
        pin.ensure_held()?;
        reads(Reader { view: &view, at: pin.at() })
    }
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(view: &'a View, at: SeqNo) -> Self {
        Self { view, at }
    }

    /// The number up to which it reads.
    pub(super) fn at(self) -> SeqNo {
        self.at
    }

    /// What it reads in.
    pub(super) fn view(self) -> &'a View {
        self.view
    }

    /// Gives the value of `key` to `found`; `None` when there is none.
    ///
    /// Cost: at most one block read for each run of level 0 and each deeper level whose filter does not deny it, and one read for
    /// a value in the value log.
    pub(crate) fn get<R>(self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        let (mut result, mut pointer) = (None, None);
        self.view.newest(key, self.at, |entry| match entry.kind {
            Kind::Put => result = Some(found(entry.value)),
            // The block in which it lies is let go of before the value is read.
            Kind::Pointer => pointer = Some(SmallVec::<[u8; 24]>::from_slice(entry.value)),
            Kind::Delete | Kind::RangeDelete => {}
        })?;
        if let Some(pointer) = pointer {
            result = Some(found(&self.view.levels.value(&pointer, key)?));
        }
        Ok(result)
    }

    /// Whether `key` has a value, which is not read.
    ///
    /// Cost: at most one block read for each run of level 0 and each deeper level whose filter does not deny it.
    pub(crate) fn contains(self, key: &[u8]) -> Result<bool> {
        let mut is_value = false;
        self.view.newest(key, self.at, |entry| is_value = entry.kind.is_value())?;
        Ok(is_value)
    }
}

impl View {
    /// Gives the newest version of `key` that is not above `at` to `found`, unless a range tombstone has taken it away since.
    ///
    /// What a container holds of a key, tombstones over it included, is newer than what the next one does.
    fn newest(&self, key: &[u8], at: SeqNo, mut found: impl FnMut(Entry<'_>)) -> Result<()> {
        let hash = KeyHash::of(key);
        let mut unless_gone = |gone: Option<SeqNo>, entry: Entry<'_>| {
            if gone < Some(entry.seqno) {
                found(entry);
            }
        };
        for memtable in self.memtables() {
            let gone = memtable.covering(key, at);
            let here = memtable.get(key, hash, at, |entry| unless_gone(gone, entry));
            if here.is_some() || gone.is_some() {
                return Ok(());
            }
        }
        for (sst, is_oldest) in self.levels.candidates(key) {
            let gone = sst.covering(key, at)?;
            let here = sst.get(key, hash, at, is_oldest, |entry| unless_gone(gone, entry))?;
            if here.is_some() || gone.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The newest sequence number of `key`, or of a range tombstone over it, looked for only where those above `at` can be.
    pub(super) fn newest_since(&self, key: &[u8], at: SeqNo) -> Result<Option<SeqNo>> {
        let hash = KeyHash::of(key);
        for memtable in self.memtables().filter(|memtable| memtable.max_lsn() > at) {
            let version = memtable.get(key, hash, SeqNo::MAX, |entry| entry.seqno);
            if let Some(seqno) = version.max(memtable.covering(key, SeqNo::MAX)) {
                return Ok(Some(seqno));
            }
        }
        for (sst, _) in self.levels.candidates(key).filter(|(sst, _)| sst.meta().largest_seqno > at) {
            let version = sst.get(key, hash, SeqNo::MAX, false, |entry| entry.seqno)?;
            if let Some(seqno) = version.max(sst.covering(key, SeqNo::MAX)?) {
                return Ok(Some(seqno));
            }
        }
        Ok(None)
    }
}
