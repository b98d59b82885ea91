//! The commit pipeline: group commit with a leader, the log, and its seqnos.
//!
//! ```text
//!   1. outside any lock   the caller encoded its batch
//!   2. `queue`            the batch is enqueued
//!   3. `log`              the leader takes all that wait: validate, number, one write, apply (see `queue`)
//!   4. `group_sync`       one thread syncs for all that were written by then
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
//! when there is room. A commit that only deletes goes back to its caller then, which may free some
//! (`engine/write.rs`). Any other failed write, and every failed sync, poisons the engine.

mod group_sync;
mod log;
mod queue;
mod read_set;
mod seqnos;
mod validate;

use std::time::Duration;

use group_sync::{GroupSync, UnsyncedCommit};
use log::{EngineLog, Position, SharedLog};
pub(super) use queue::{CommitPosition, RefusedCommit};
use queue::{CommitQueue, Completion, Request};
use read_set::GroupWrites;
pub(crate) use read_set::ReadSet;
use seqnos::Seqnos;
use validate::Validations;

use super::health::Health;
use super::version_set::VersionSet;
use crate::base::{FileNumber, SealedBatch, SeqNo};
use crate::engine::background::workers::Workers;
use crate::error::{Error, Result};
use crate::memtable::Memtable;
use crate::mvcc::DeadRanges;
use crate::sync::Arc;
use crate::wal::LogWriter;

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

/// The components that a commit passes through after it was admitted.
///
/// Locks, in the order in which they may be taken: that of `sync`, of `log`, of `queue`.
pub(super) struct CommitPipeline {
    // Constant after opening.
    health: Arc<Health>,
    versions: Arc<VersionSet>,
    workers: Arc<Workers>,
    dead: Arc<DeadRanges>,
    /// How long a commit of [`Durability::Group`] may wait for others.
    group_window: Duration,

    // Each with its own synchronization.
    pub(super) seqnos: Seqnos,
    pub(super) validations: Validations,
    pub(super) log: SharedLog,
    queue: CommitQueue,
    sync: GroupSync,
}

impl CommitPipeline {
    pub(super) fn new(
        (health, workers): (&Arc<Health>, &Arc<Workers>),
        (versions, dead): (&Arc<VersionSet>, &Arc<DeadRanges>),
        group_window: Duration,
        (log, last_seqno): (LogWriter, SeqNo),
    ) -> Self {
        Self {
            health: Arc::clone(health),
            versions: Arc::clone(versions),
            workers: Arc::clone(workers),
            dead: Arc::clone(dead),
            group_window,
            seqnos: Seqnos::new(last_seqno),
            validations: Validations::default(),
            log: SharedLog::new(log, last_seqno),
            queue: CommitQueue::default(),
            sync: GroupSync::default(),
        }
    }

    /// Writes and applies a commit, in one group with others that come at the same time. Nothing
    /// that it has read has changed up to `validated_up_to`.
    pub(super) fn enqueue(
        &self,
        batch: SealedBatch,
        reads: ReadSet,
        validated_up_to: SeqNo,
        is_deletion: bool,
    ) -> Result<CommitPosition, RefusedCommit> {
        self.queue.enqueue(
            &self.health,
            &self.log,
            |completion| Request { batch, reads, validated_up_to, is_deletion, completion },
            |log, group| self.write_group(log, group),
        )
    }

    /// Returns when a written commit of `size` bytes is acknowledged as `durability` says.
    pub(super) fn acknowledge(
        &self,
        written: CommitPosition,
        size: usize,
        durability: Durability,
    ) -> Result<()> {
        match durability {
            Durability::Fast => {
                self.seqnos.advance_visible(written.last);
                self.sync_every_mib(written.end, size)
            }
            Durability::Safe => self.sync_to(written.end),
            Durability::Group => {
                self.sync.gather_then(written.end, self.group_window, || self.sync_to(written.end))
            }
        }
    }

    /// Validates, numbers, writes and applies a group, and completes each of its requests. Returns
    /// their read sets.
    fn write_group(&self, log: &mut EngineLog, group: Vec<Request>) -> Vec<ReadSet> {
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
                self.log.publish_torn(log);
                let mut error = Some(self.poison_like(log, error));
                for (_, batch, completion, read) in accepted {
                    // An error cannot be cloned, so the others of the group get one of their own.
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
        let view = self.versions.view();
        let apply = |(first, batch, completion, read): Accepted| {
            view.active.insert(batch, first);
            reads.extend(read);
            completion
        };
        let completions: Vec<Completion> = group.into_iter().map(apply).collect();
        self.dead.revive(|| {
            let entries = view.active.entries_since(self.seqnos.applied());
            entries.filter(|entry| !entry.kind.is_tombstone()).map(|entry| entry.key)
        });
        self.seqnos.set_applied(log.last_seqno());
        let written = CommitPosition { last: log.last_seqno(), end: log.position() };
        for completion in completions {
            completion.complete(Ok(written));
        }
    }

    /// The error of the other commits of a failed group.
    fn failure(&self) -> Error {
        if self.health.is_poisoned() { self.health.poisoned_error() } else { Error::OutOfSpace }
    }

    /// Makes everything that was committed before durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.health.ensure_writable()?;
        self.sync_log()
    }

    fn sync_log(&self) -> Result<()> {
        let end = self.log.lock().position();
        self.sync_to(end)
    }

    /// Returns when everything up to `at`, which a transaction has read, is acknowledged as
    /// `durability` says: an answer without a write, a refusal too, must not rest on a commit that
    /// a failed sync or a crash can still take back. Takes no lock if it is durable already.
    pub(super) fn confirm(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.health.ensure_writable()?;
        match durability {
            Durability::Fast => Ok(()),
            Durability::Safe | Durability::Group if self.seqnos.durable() >= at => Ok(()),
            Durability::Safe | Durability::Group => self.sync(),
        }
    }

    /// Returns when everything up to `at`, which a transaction has only read, is visible to any
    /// reader: at once, unless a commit among it is still on its way to the disk.
    pub(super) fn confirm_visible(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.health.ensure_open()?;
        if self.seqnos.visible() >= at { Ok(()) } else { self.confirm(at, durability) }
    }

    /// Returns when the log is durable up to `position`, syncing it for all if no thread does.
    fn sync_to(&self, position: Position) -> Result<()> {
        self.sync.sync_to(position, &self.health, || self.sync_written())
    }

    /// Counts a commit of `size` bytes that ends at `end` and does not wait to be durable. Many of
    /// them are synced: by the flush thread if there is one and it keeps up, by this one otherwise.
    fn sync_every_mib(&self, end: Position, size: usize) -> Result<()> {
        match self.sync.add_unsynced(size as u64) {
            UnsyncedCommit::Nothing => Ok(()),
            UnsyncedCommit::StartsSync if !self.workers.is_manual() => {
                self.workers.flusher.wake();
                Ok(())
            }
            UnsyncedCommit::StartsSync | UnsyncedCommit::MustSync => self.sync_to(end),
        }
    }

    pub(super) fn is_sync_due(&self) -> bool {
        self.sync.is_sync_due()
    }

    /// Syncs everything that is written, makes it visible, and returns its end.
    fn sync_written(&self) -> Result<Position> {
        self.sync.reset_unsynced();
        let (point, end, last) = {
            let log = self.log.lock();
            (log.sync_point()?, log.position(), log.last_seqno())
        };
        let outcome = point.sync();
        let mut log = self.log.lock();
        if let Err(error) = outcome {
            log.poison();
            return Err(self.poison(error));
        }
        log.mark_synced(&point);
        self.seqnos.advance_durable(last);
        self.seqnos.advance_visible(last);
        drop(log);
        if !self.workers.is_manual() && self.sync.request_note() {
            self.workers.flusher.wake();
        }
        Ok(end)
    }

    /// Whether more is durable than the manifest says, as far as the flush thread was told.
    pub(super) fn is_note_due(&self) -> bool {
        self.sync.is_note_due()
    }

    /// Records in the manifest how far the log is durable; returns whether that was new. A record
    /// of the log vouches for those before it, and none for the last one; so this is done when
    /// nothing was written for a moment, and no commit waits for it.
    pub(super) fn note_durable(&self) -> Result<bool> {
        self.sync.begin_note();
        self.health.ensure_unpoisoned()?;
        self.versions.note_log_end(self.seqnos.durable())
    }

    /// Begins a new segment if the current one is torn, so that nothing can follow in it.
    pub(super) fn rotate_torn_log(&self) -> Result<()> {
        if !self.log.is_torn() {
            return Ok(());
        }
        let mut synced = self.sync.pause();
        let mut log = self.log.lock();
        if log.is_torn() { self.rotate(&mut synced.position, &mut log).map(drop) } else { Ok(()) }
    }

    /// Begins a new segment and a new active memtable with it, if `condition` holds for the present
    /// one; returns whether it did.
    pub(super) fn freeze_if(&self, condition: impl FnOnce(&Memtable) -> bool) -> Result<bool> {
        if !self.workers.is_manual() {
            // Most of the segment is durable when the log is locked and every writer waits.
            self.sync_log()?;
        }
        let mut synced = self.sync.pause();
        let mut log = self.log.lock();
        let full = Arc::clone(&self.versions.view().active);
        if !condition(&full) {
            return Ok(false);
        }
        let applied = self.seqnos.applied();
        let next_log = self.rotate(&mut synced.position, &mut log)?;
        // While the log is locked, no put is on its way into a range.
        let dead = self.dead.dead_at(applied).into();
        self.versions.freeze(next_log, &dead, &Arc::new(Memtable::after(&full, applied)));
        Ok(true)
    }

    /// Begins a new segment. The caller holds both locks, so no thread syncs the old one; it is
    /// durable then.
    fn rotate(&self, synced: &mut Position, log: &mut EngineLog) -> Result<FileNumber> {
        let next_log = log.rotate_next().map_err(|error| self.poison_like(log, error))?;
        self.log.publish_torn(log);
        *synced = log.position();
        self.seqnos.advance_visible(log.last_seqno());
        Ok(next_log)
    }

    /// Ends log and manifest in order. What was written is synced, and recorded in the manifest
    /// durably; the marks that say so to the next opening are not synced: without them it recovers
    /// the same state in another way.
    pub(super) fn end_log(&self) -> Result<()> {
        let mut synced = self.sync.pause();
        let mut log = self.log.lock();
        if !log.is_unchanged() {
            let end = log.position();
            log.sync().map_err(|error| self.poison_like(&log, error))?;
            synced.position = end;
            self.seqnos.advance_visible(log.last_seqno());
            self.versions.note_log_end(log.last_seqno())?;
        }
        match log.close() {
            Err(Error::OutOfSpace) => return Err(Error::OutOfSpace),
            closed => closed.map_err(|error| self.poison(error))?,
        }
        self.versions.seal_manifest();
        Ok(())
    }

    /// Poisons the engine, and returns the reason: see [`Health::poison`].
    fn poison(&self, error: Error) -> Error {
        let error = self.health.poison(error);
        // A group does not gather any more for a sync that cannot come.
        self.sync.wake_all();
        error
    }

    /// Returns a failure of the log; poisons the engine if it has poisoned the log.
    fn poison_like(&self, log: &EngineLog, error: Error) -> Error {
        if log.is_poisoned() { self.poison(error) } else { error }
    }

    /// Stops every commit before it is written, for as long as the result is held.
    #[cfg(test)]
    pub(super) fn hold_log(&self) -> crate::sync::MutexGuard<'_, EngineLog> {
        self.log.lock()
    }

    /// Lets the next group sync gather until this many commits wait.
    #[cfg(test)]
    pub(super) fn expect_group(&self, count: usize) {
        self.sync.expect(count);
    }

    /// Commits that wait for a group sync, and those that no leader has taken.
    #[cfg(test)]
    pub(super) fn waiting_counts(&self) -> (usize, usize) {
        (self.sync.waiting_count(), self.queue.len())
    }
}

/// A request of a group that is to be written: its first seqno, and its read set if it goes back to
/// the caller on a full disk.
type Accepted = (SeqNo, SealedBatch, Completion, Option<ReadSet>);

/// Refuses a deletion; if it found no space it goes back to its caller, which may free some.
fn reject_deletion(completion: Completion, error: Error, batch: SealedBatch, reads: ReadSet) {
    let is_full = matches!(error, Error::OutOfSpace);
    completion.complete(Err(RefusedCommit { error, work: is_full.then(|| Box::new((batch, reads))) }));
}
