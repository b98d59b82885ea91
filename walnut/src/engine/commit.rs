//! The commit pipeline: group commit with a leader.
//!
//! ```text
//!   1. outside any lock   the caller encoded its batch
//!   2. `queue`            the batch is enqueued
//!   3. `log`              the leader takes all that wait: validate, number, one write, apply (see `commit_queue`)
//!   4. `synced`           one thread syncs for all that were written by then (see `group_sync`)
//! ```
//!
//! While one thread is in step 4, others go through 2 and 3: a group is written and applied during
//! the sync of the one before. To apply a group costs the hash of a key and a row for each entry
//! (see `memtable`), less than its write, so it has no step of its own: the thread that holds the
//! log sees everything that was committed before.
//!
//! Before 2, what the transaction has read is looked up, and within 3 it is compared with what was
//! committed since: see `validate`.
//!
//! A write that finds no space fails its group, and the log goes on in a new segment, which says
//! that nothing behind the last good record counts: so a full disk loses nothing, and writes go on
//! when there is room. A commit that only deletes spends the reserve then and is tried again: see
//! `reserve`. Any other failed write, and every failed sync, poisons the engine.

use super::Core;
use super::commit_queue::{CommitPosition, Completion, RefusedCommit, Request};
use super::log::EngineLog;
use super::read_set::{GroupWrites, ReadSet};
use crate::base::SeqNo;
use crate::batch::{BatchEntry, EntryBatch, MAX_RANGE_COUNT};
use crate::error::{Error, Limit, Result};
use crate::memtable::{BatchSpan, SealedBatch};
use crate::sync::Ordering;
use crate::wal::MAX_PAYLOAD_SIZE;

/// How often a deletion is written on a full disk before it is refused: others may take the room
/// that is made for it.
const DELETION_TRIES: u32 = 8;

/// What an acknowledged commit has survived by the time its call returns.
///
/// ```
/// let db = walnut::Database::builder().durability(walnut::Durability::Fast).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Durable before the call returns: no crash and no power cut loses it. One sync, shared with
    /// commits that are on their way at the same time.
    #[default]
    Safe,
    /// The same promise, but the commit may wait up to the `group_window` for others to share its
    /// sync: more commits a second from many threads, a longer wait for each.
    Group,
    /// Visible at once, durable at the next sync of any commit; after each MiB of such commits
    /// there is one. A crash loses a suffix of them, never a hole and never half of one.
    Fast,
}

impl Core {
    /// Makes a batch part of history, all of it or nothing, and returns when it is acknowledged as
    /// `durability` says.
    ///
    /// [`Error::Conflict`] when something in `reads` was changed since it was read.
    pub(crate) fn commit(&self, reads: ReadSet, batch: EntryBatch, durability: Durability) -> Result<()> {
        self.ensure_writable_cached()?;
        if batch.size() > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: batch.size(), limit: MAX_PAYLOAD_SIZE }));
        }
        if batch.range_count() > MAX_RANGE_COUNT {
            return Err(Error::Limit(Limit::Ranges { count: batch.range_count(), limit: MAX_RANGE_COUNT }));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let (size, deletes) = (batch.size(), batch.deletes());
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
        match durability {
            Durability::Fast => {
                self.advance_visible(written.last);
                self.sync_every_mib(written.end, size)?;
            }
            Durability::Safe => self.sync_to(written.end)?,
            Durability::Group => self.sync_with_others(written.end)?,
        }
        Ok(())
    }

    /// Has a batch written that puts something.
    fn write(&self, reads: ReadSet, batch: EntryBatch) -> Result<CommitPosition, RefusedCommit> {
        if !self.reserve.is_held() {
            self.hold_reserve()?;
        }
        self.wait_for_flush()?;
        self.throttle_writer(batch.size());
        self.rotate_torn_log()?;
        let checked = self.prevalidate(&reads)?;
        self.enqueue(prepare(batch), reads, checked, false)
    }

    /// Has a batch written that only deletes, with the reserve if there is no other room.
    fn write_deletion(&self, reads: ReadSet, batch: EntryBatch) -> Result<CommitPosition> {
        if self.reserve.is_spent() && !self.view.load().frozen.is_empty() {
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
            Err(Error::OutOfSpace) if !self.view.load().active.is_full(self.overgrown_size()) => Ok(()),
            Err(Error::OutOfSpace) if self.free_space() => self.wait_for_flush(),
            made => made,
        }
    }

    fn try_deletion(&self, batch: SealedBatch, reads: ReadSet) -> Result<CommitPosition, RefusedCommit> {
        match self.rotate_torn_log() {
            Err(error @ Error::OutOfSpace) => {
                return Err(RefusedCommit { error, work: Some(Box::new((batch, reads))) });
            }
            mended => mended?,
        }
        let checked = self.prevalidate(&reads)?;
        self.enqueue(batch, reads, checked, true)
    }

    /// Does what is due before more is deleted: tombstones that are not merged yet take the little
    /// room that there is.
    fn catch_up(&self) {
        while let Ok(true) = self.flush_one() {}
        self.compact_due();
    }

    /// Runs the flushes and merges that give back space; returns whether some of them succeeded.
    fn free_space(&self) -> bool {
        let flushed = self.flush_everything().is_ok();
        let merged = self.compact_waste();
        let thinned = self.thin().unwrap_or(false);
        flushed || merged || thinned
    }

    /// Validates, numbers, writes and applies a group, and completes each of its requests. Returns
    /// their read sets.
    pub(super) fn write_group(&self, log: &mut EngineLog, group: Vec<Request>) -> Vec<ReadSet> {
        let mut outcomes = Vec::with_capacity(group.len());
        let mut writes = GroupWrites::default();
        for request in &group {
            let (first, batch) = (log.next_seqno(), &request.batch);
            let count = u32::try_from(batch.count()).expect("an entry takes more than a byte");
            let appended = self.validate(request, &writes).and_then(|()| log.append(batch.bytes(), count));
            if appended.is_ok() && group.len() > 1 {
                writes.add(batch);
            }
            outcomes.push(appended.map(|()| first).map_err(|error| self.poison_like(log, error)));
        }
        drop(writes);
        let (mut accepted, mut reads) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for (Request { batch, reads: read, is_deletion, completion, .. }, outcome) in
            group.into_iter().zip(outcomes)
        {
            match outcome {
                Ok(first) if is_deletion => accepted.push((first, batch, completion, Some(read))),
                Ok(first) => {
                    accepted.push((first, batch, completion, None));
                    reads.push(read);
                }
                Err(error) if is_deletion => reject_deletion(completion, error, batch, read),
                Err(error) => {
                    completion.complete(Err(error.into()));
                    reads.push(read);
                }
            }
        }
        if accepted.is_empty() {
            return reads;
        }
        match log.write() {
            Ok(()) => self.apply_group(log, accepted, &mut reads),
            Err(error) => {
                self.log_is_torn.store(log.is_torn(), Ordering::Release);
                let mut error = Some(self.poison_like(log, error));
                for (_, batch, completion, read) in accepted {
                    // The others of the group failed for the same reason, which cannot be given
                    // twice.
                    let error = error.take().unwrap_or_else(|| self.failure());
                    match read {
                        Some(read) => reject_deletion(completion, error, batch, read),
                        None => completion.complete(Err(error.into())),
                    }
                }
            }
        }
        reads
    }

    /// Puts a written group into the memtable and completes its requests.
    fn apply_group(&self, log: &EngineLog, group: Vec<Accepted>, reads: &mut Vec<ReadSet>) {
        let view = self.view.load();
        let apply = |(first, batch, completion, read): Accepted| {
            view.active.insert(batch, first);
            reads.extend(read);
            completion
        };
        let completions: Vec<Completion> = group.into_iter().map(apply).collect();
        self.dead.revive(|| {
            let entries = view.active.entries_since(self.applied());
            entries.filter(|entry| !entry.kind.is_tombstone()).map(|entry| entry.key)
        });
        self.applied.store(log.last_seqno().0, Ordering::Release);
        let written = CommitPosition { last: log.last_seqno(), end: log.position() };
        for completion in completions {
            completion.complete(Ok(written));
        }
    }

    fn note_conflict(&self, error: &Error) {
        if matches!(error, Error::Conflict) {
            self.validations.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the others of a failed group are told.
    fn failure(&self) -> Error {
        if self.poisoned.load(Ordering::Acquire) { self.poisoned_error() } else { Error::OutOfSpace }
    }
}

/// A request of a group that is to be written: its first number, and what it has read if it is
/// given back when there is no space.
type Accepted = (SeqNo, SealedBatch, Completion, Option<ReadSet>);

/// Refuses a deletion; when it found no space it goes back to its caller, which may free some.
fn reject_deletion(completion: Completion, error: Error, batch: SealedBatch, reads: ReadSet) {
    let is_full = matches!(error, Error::OutOfSpace);
    completion.complete(Err(RefusedCommit { error, work: is_full.then(|| Box::new((batch, reads))) }));
}

/// What a batch puts into a memtable.
fn prepare(batch: EntryBatch) -> SealedBatch {
    let mut entries = Vec::with_capacity(batch.iter().len());
    entries.extend(batch.iter().with_offsets().map(|(offset, entry)| placed(offset, entry)));
    let mut bytes = batch.into_payload();
    bytes.shrink_to_fit();
    SealedBatch::new(bytes, entries.into_iter())
}

/// An entry of a payload with the offset of its key, as a memtable wants to know it.
pub(super) fn placed(key_offset: usize, (kind, key, value): BatchEntry<'_>) -> BatchSpan {
    BatchSpan { kind, key_offset, key_size: key.len(), value_size: value.len() }
}
