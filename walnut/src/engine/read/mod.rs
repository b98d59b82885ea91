//! Point reads: the newest version of a key, wherever it lies.
//!
//! No lock is taken and nothing is allocated. The view is loaded *before* the sequence number: the
//! number is then at least as new as anything that made the view, so no version that it needs can
//! have been dropped from it. A view never changes, so several reads through one [`PointReader`]
//! see one state without anything being pinned.

pub(super) mod held;
pub(super) mod levels;
pub(super) mod multi_get;
pub(super) mod scan;
pub(super) mod values;
pub(super) mod view;

use smallvec::SmallVec;

use crate::base::{Entry, KeyHash, Kind, Operand, SeqNo, number_in};
use crate::engine::Core;
use crate::engine::read::view::View;
use crate::error::Result;
use crate::mvcc::Pin;
use crate::sst::Epoch;
use crate::vlog::Caching;

/// What a key has, for adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Number {
    /// No value.
    Nothing,
    /// A value that is a number.
    Known(i64),
    /// A value that is none.
    Other,
}

impl Number {
    /// The number that a value is.
    pub(crate) fn in_value(value: &[u8]) -> Self {
        number_in(value).map_or(Self::Other, Self::Known)
    }

    /// What an add makes of it.
    pub(crate) fn plus(self, delta: i64) -> Self {
        Self::Known(self.known().unwrap_or(0).wrapping_add(delta))
    }

    /// The number, if there is one.
    pub(crate) fn known(self) -> Option<i64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Nothing | Self::Other => None,
        }
    }
}

/// Reads at one sequence number.
#[derive(Clone, Copy)]
pub(crate) struct PointReader<'a> {
    view: &'a View,
    at: SeqNo,
}

impl Core {
    /// Passes a reader of the visible seqno to `reads`.
    pub(crate) fn read<R>(&self, reads: impl FnOnce(PointReader<'_>) -> Result<R>) -> Result<R> {
        self.health.ensure_open()?;
        let _epoch = Epoch::enter();
        let view = self.versions.view();
        reads(PointReader { view: &view, at: self.visible() })
    }

    /// Passes a reader at a pinned sequence number to `reads`.
    /// [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld) when the pin holds no more.
    pub(crate) fn read_at<R>(
        &self,
        pin: &Pin,
        reads: impl FnOnce(PointReader<'_>) -> Result<R>,
    ) -> Result<R> {
        self.read_held(|| pin.ensure_held().map(|()| (pin.at(), ())), |reader, ()| reads(reader))
    }

    /// Calls `reads` with a reader at the sequence number that `hold` returns.
    ///
    /// `hold` is called once the view is held. It returns a number that a pin holds at that moment;
    /// the pin may go right after, because nothing leaves a view that is held.
    pub(crate) fn read_held<H, R>(
        &self,
        hold: impl FnOnce() -> Result<(SeqNo, H)>,
        reads: impl FnOnce(PointReader<'_>, H) -> Result<R>,
    ) -> Result<R> {
        self.health.ensure_open()?;
        let _epoch = Epoch::enter();
        let view = self.versions.view();
        let (at, found) = hold()?;
        reads(PointReader { view: &view, at }, found)
    }
}

impl<'a> PointReader<'a> {
    #[inline]
    pub(in crate::engine) fn new(view: &'a View, at: SeqNo) -> Self {
        Self { view, at }
    }

    /// The number up to which it reads.
    pub(crate) fn at(self) -> SeqNo {
        self.at
    }

    /// What it reads in.
    pub(in crate::engine) fn view(self) -> &'a View {
        self.view
    }

    /// Passes the value of `key` to `found`; `None` when there is none.
    ///
    /// Cost: at most one block read for each run of level 0 and each deeper level whose filter does
    /// not deny it, and one read for a value in the value log that is not cached. A key of adds is
    /// looked for in one container after the other until there is a base.
    #[inline(always)]
    pub(crate) fn get<R>(self, key: &[u8], found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        self.get_hashed(key, KeyHash::of(key), found)
    }

    /// The same for a key of this hash.
    pub(crate) fn get_hashed<R>(
        self,
        key: &[u8],
        hash: KeyHash,
        mut found: impl FnMut(&[u8]) -> R,
    ) -> Result<Option<R>> {
        let (mut result, mut farther) = (None, None);
        self.view.newest(key, hash, self.at, |entry| match entry.kind {
            Kind::Put => result = Some(found(entry.value)),
            // The block in which it lies is let go of before the value is read.
            Kind::Pointer | Kind::Add => farther = Some(copied(entry)),
            Kind::Delete | Kind::RangeDelete => {}
        })?;
        match farther {
            None => {}
            Some((Kind::Add, _)) => result = Some(found(&self.view.sum(key, self.at)?.to_le_bytes())),
            Some((_, pointer)) => {
                result = Some(found(&self.view.levels.value(&pointer, key, Caching::Admit)?));
            }
        }
        Ok(result)
    }

    /// The number that `key` has: see [`base::Operand`](crate::base::Operand).
    ///
    /// Cost: that of [`get`](Self::get), but a value in the value log is none, and is not read.
    pub(crate) fn number(self, key: &[u8]) -> Result<Number> {
        let (mut number, mut is_sum) = (Number::Nothing, false);
        self.view.newest(key, KeyHash::of(key), self.at, |entry| match entry.kind {
            Kind::Put => number = Number::in_value(entry.value),
            Kind::Pointer => number = Number::Other,
            Kind::Add => is_sum = true,
            Kind::Delete | Kind::RangeDelete => {}
        })?;
        if is_sum { Ok(Number::Known(self.view.sum(key, self.at)?)) } else { Ok(number) }
    }

    /// Whether `key` has a value, which is not read.
    ///
    /// Cost: at most one block read for each run of level 0 and each deeper level whose filter does
    /// not deny it.
    #[inline(always)]
    pub(crate) fn contains(self, key: &[u8]) -> Result<bool> {
        self.contains_hashed(key, KeyHash::of(key))
    }

    /// The same for a key of this hash.
    pub(crate) fn contains_hashed(self, key: &[u8], hash: KeyHash) -> Result<bool> {
        let mut is_value = false;
        self.view.newest(key, hash, self.at, |entry| is_value = entry.kind.is_value())?;
        Ok(is_value)
    }
}

impl View {
    /// Passes the newest version of `key` that is not above `at` to `found`, unless a range
    /// tombstone has taken it away since.
    ///
    /// What a container holds of a key, tombstones over it included, is newer than what the next
    /// one does.
    fn newest(&self, key: &[u8], hash: KeyHash, at: SeqNo, mut found: impl FnMut(Entry<'_>)) -> Result<()> {
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

    /// What the adds of `key` come to whose newest is the newest version not above `at`.
    ///
    /// Each container is asked once, newest first; an SST again for each of its versions.
    #[cold]
    pub(in crate::engine) fn sum(&self, key: &[u8], at: SeqNo) -> Result<i64> {
        let hash = KeyHash::of(key);
        let mut sum = 0i64;
        for memtable in self.memtables() {
            let gone = memtable.covering(key, at);
            // A memtable sums up by itself.
            let part = memtable.get(key, hash, at, |entry| part_unless_gone(&entry, gone));
            match part {
                Some(Operand::Delta(delta)) => sum = sum.wrapping_add(delta),
                Some(Operand::Base(base)) => return Ok(sum.wrapping_add(base)),
                None if gone.is_some() => return Ok(sum),
                None => {}
            }
        }
        for (sst, is_oldest) in self.levels.candidates(key) {
            let gone = sst.covering(key, at)?;
            let mut below = Some(at);
            while let Some(at) = below {
                let found = sst.get(key, hash, at, is_oldest, |entry| {
                    (part_unless_gone(&entry, gone), entry.seqno.before())
                })?;
                match found {
                    Some((Operand::Delta(delta), before)) => (sum, below) = (sum.wrapping_add(delta), before),
                    Some((Operand::Base(base), _)) => return Ok(sum.wrapping_add(base)),
                    None => break,
                }
            }
            if gone.is_some() {
                return Ok(sum);
            }
        }
        Ok(sum)
    }

    /// The newest sequence number of `key`, or of a range tombstone over it, looked for only where
    /// those above `at` can be.
    pub(in crate::engine) fn newest_since(&self, key: &[u8], at: SeqNo) -> Result<Option<SeqNo>> {
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

/// What a version contributes to a sum, under range tombstones of which this is the newest.
fn part_unless_gone(entry: &Entry<'_>, gone: Option<SeqNo>) -> Operand {
    if gone < Some(entry.seqno) { entry.operand() } else { Operand::Base(0) }
}

/// The kind and the bytes of an entry.
///
/// It is a call, so that the closure of [`PointReader::get`] is small enough to be inlined.
#[cold]
#[inline(never)]
fn copied(entry: Entry<'_>) -> (Kind, SmallVec<[u8; 24]>) {
    (entry.kind, SmallVec::from_slice(entry.value))
}
