//! The admission of commits: limits, the reserve, throttling and flushes come before the pipeline.
//!
//! A commit that only deletes frees space in the end, so on a full disk it spends the reserve and
//! is tried again: see `reserve`.

use super::Core;
use super::commit::{CommitPosition, Durability, ReadSet, RefusedCommit};
use crate::base::{SealedBatch, SeqNo};
use crate::batch::{EntryBatch, MAX_RANGE_COUNT};
use crate::error::{Error, Limit, Result};
use crate::sync::Ordering;
use crate::wal::MAX_PAYLOAD_SIZE;

/// How often a deletion is written on a full disk before it is refused: others may take the room
/// that is made for it.
const DELETION_TRIES: u32 = 8;

impl Core {
    /// Commits a batch atomically, and returns when it is acknowledged as `durability` says.
    ///
    /// [`Error::Conflict`] when something in `reads` was changed since it was read.
    pub(crate) fn commit(&self, reads: ReadSet, batch: EntryBatch, durability: Durability) -> Result<()> {
        self.health.ensure_writable_cached()?;
        if batch.size() > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: batch.size(), limit: MAX_PAYLOAD_SIZE }));
        }
        if batch.range_count() > MAX_RANGE_COUNT {
            return Err(Error::Limit(Limit::Ranges { count: batch.range_count(), limit: MAX_RANGE_COUNT }));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let (size, deletes, tombstones) = (batch.size(), batch.deletes(), batch.delete_count());
        let since = self.applied();
        let written = if batch.is_deletion() {
            self.write_deletion(reads, batch)
        } else {
            self.write(reads, batch).map_err(|refused| refused.error)
        };
        if !matches!(written, Err(Error::Forked)) {
            self.freeze_if_full();
            if deletes {
                self.note_deletion();
            }
        }
        let written = written.inspect_err(|error| self.note_conflict(error))?;
        self.commits.acknowledge(written, size, durability)?;
        if tombstones > 0 {
            self.note_tombstones(tombstones.into(), since);
        }
        Ok(())
    }

    /// Writes a batch that puts something.
    fn write(&self, reads: ReadSet, batch: EntryBatch) -> Result<CommitPosition, RefusedCommit> {
        if !self.reserve.is_held() {
            self.reserve.hold(self.throttle.committed_size(), &self.health)?;
        }
        self.wait_for_flush()?;
        self.throttle_writer(batch.size());
        self.commits.rotate_torn_log()?;
        let checked = self.commits.prevalidate(&reads)?;
        self.commits.enqueue(prepare(batch), reads, checked, false)
    }

    /// Writes a batch that only deletes, with the reserve if there is no other room.
    fn write_deletion(&self, reads: ReadSet, batch: EntryBatch) -> Result<CommitPosition> {
        if self.reserve.is_spent() && !self.versions.view().frozen.is_empty() {
            self.catch_up();
        }
        self.make_room_to_delete()?;
        self.throttle_writer(batch.size());
        let (mut batch, mut reads) = (prepare(batch), reads);
        for _ in 0..DELETION_TRIES {
            match self.try_deletion(batch, reads) {
                Err(RefusedCommit { error: Error::OutOfSpace, work: Some(work) })
                    if self.spend_reserve() || self.free_space() =>
                {
                    (batch, reads) = *work;
                }
                written => return written.map_err(|refused| refused.error),
            }
        }
        Err(Error::OutOfSpace)
    }

    /// [`wait_for_flush`](Self::wait_for_flush) for a commit that only deletes, which may spend the
    /// reserve and need not wait for a flush.
    fn make_room_to_delete(&self) -> Result<()> {
        match self.with_reserve(|| self.wait_for_flush()) {
            // It takes next to no memory, and is the way to more space.
            Err(Error::OutOfSpace) if !self.versions.view().active.is_full(self.overgrown_size()) => Ok(()),
            Err(Error::OutOfSpace) if self.free_space() => self.wait_for_flush(),
            made => made,
        }
    }

    fn try_deletion(&self, batch: SealedBatch, reads: ReadSet) -> Result<CommitPosition, RefusedCommit> {
        match self.commits.rotate_torn_log() {
            Err(error @ Error::OutOfSpace) => {
                return Err(RefusedCommit { error, work: Some(Box::new((batch, reads))) });
            }
            mended => mended?,
        }
        let checked = self.commits.prevalidate(&reads)?;
        self.commits.enqueue(batch, reads, checked, true)
    }

    /// Flushes and compacts before more is deleted: tombstones that are not merged yet take the
    /// little room that is left.
    fn catch_up(&self) {
        while let Ok(true) = self.flush_one() {}
        self.compact_due();
    }

    /// Runs the flushes and merges that free space; returns whether some of them succeeded.
    fn free_space(&self) -> bool {
        let flushed = self.flush_everything().is_ok();
        let merged = self.compact_waste();
        let thinned = self.thin().unwrap_or(false);
        flushed || merged || thinned
    }

    /// Spends the reserve; returns whether that has freed room.
    fn spend_reserve(&self) -> bool {
        self.reserve.spend(|| self.commits.log.drop_recycled() && self.remove_old_log(&[]).is_ok())
    }

    /// Runs work that frees more space than it takes: if it finds none, the reserve is spent and it
    /// runs again.
    pub(in crate::engine) fn with_reserve<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        match work() {
            Err(Error::OutOfSpace) if self.spend_reserve() => work(),
            done => done,
        }
    }

    fn throttle_writer(&self, size: usize) {
        let room = || self.config.frozen_limit.saturating_sub(self.versions.view().frozen.len());
        self.throttle.delay_writer(size, room, &*self.env, &self.compactions);
    }

    /// Makes everything that was committed before durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.commits.sync()
    }

    /// See [`CommitPipeline::confirm`](super::commit::CommitPipeline::confirm).
    pub(crate) fn confirm(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.commits.confirm(at, durability)
    }

    /// See [`CommitPipeline::confirm_visible`](super::commit::CommitPipeline::confirm_visible).
    pub(crate) fn confirm_visible(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.commits.confirm_visible(at, durability)
    }

    fn note_conflict(&self, error: &Error) {
        if matches!(error, Error::Conflict) {
            self.commits.validations.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn prepare(batch: EntryBatch) -> SealedBatch {
    let (mut bytes, entries) = batch.into_parts();
    bytes.shrink_to_fit();
    SealedBatch::new(bytes, entries)
}
