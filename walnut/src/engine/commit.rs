//! The commit pipeline.
//!
//! ```text
//!   1. outside any lock   the caller encoded its batch
//!   2. `queue`            it lines up
//!   3. `log`              whoever gets it takes all that wait: validate, number, one write, apply
//!   4. `synced`           whoever gets it syncs for all that were written by then
//! ```
//!
//! While one thread is in step 4, others go through 2 and 3, and the first of them to reach step 4 syncs for all: so
//! commits share syncs without any of them waiting for company. [`Durability::Group`] waits for company up to a limit.
//!
//! Before 2, what the transaction has read is looked up, and within 3 it is compared with what was committed since: see
//! `validate`.
//!
//! A write that finds no space fails its group, and the log goes on in a new segment, which says that nothing behind the last
//! good record counts: so a full disk loses nothing, and writes go on when there is room. Any other failed write, and
//! every failed sync, poisons the engine.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Core;
use super::log::{Log, Position};
use super::validate::Reads;
use crate::base::{Entry, SeqNo};
use crate::batch::WriteBatch;
use crate::error::{Error, Limit, Result};
use crate::sync::{Arc, Mutex, Ordering};
use crate::wal::MAX_PAYLOAD_SIZE;

/// What an acknowledged commit has survived by the time its call returns.
///
/// ```
/// let db = walnut::Database::builder().durability(walnut::Durability::Fast).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Durable before the call returns: no crash and no power cut loses it. One sync, shared with commits that are on
    /// their way at the same time.
    #[default]
    Safe,
    /// The same promise, but the commit may wait up to the `group_window` for others to share its sync: more commits a
    /// second from many threads, a longer wait for each.
    Group,
    /// Visible at once, durable at the next sync of anybody. A crash loses a suffix of such commits, never a hole and
    /// never half of one.
    Fast,
}

/// How far the log is durable.
#[derive(Debug, Default)]
pub(super) struct SyncedTo {
    pub(super) position: Position,
    /// Whether somebody is about to sync for a group.
    pub(super) gathering: bool,
}

/// A commit on its way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) batch: WriteBatch,
    /// Until it is settled.
    pub(super) reads: Mutex<Reads>,
    /// The number up to which nothing that was read has changed.
    pub(super) checked: SeqNo,
    outcome: Mutex<Option<Result<Written>>>,
}

/// A commit in the log.
#[derive(Clone, Copy, Debug)]
struct Written {
    last: SeqNo,
    end: Position,
}

impl Request {
    fn settle(&self, outcome: Result<Written>) {
        *self.outcome.lock() = Some(outcome);
    }

    fn is_settled(&self) -> bool {
        self.outcome.lock().is_some()
    }

    /// How it ended. What it has read is let go of: from now on it is there only to be compared with.
    fn end(&self) -> Result<Written> {
        drop(std::mem::take(&mut *self.reads.lock()));
        // Whoever wrote the group has settled every request in it, and this one was in a group by now.
        self.outcome.lock().take().unwrap_or(Err(Error::Poisoned))
    }
}

impl Core {
    /// Makes a batch part of history, all of it or nothing, and returns when it is acknowledged as `durability` says.
    ///
    /// [`Error::Conflict`] when something in `reads` was changed since it was read.
    pub(crate) fn commit(&self, reads: Reads, batch: WriteBatch, durability: Durability) -> Result<()> {
        self.ensure_writable()?;
        if batch.size() > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: batch.size(), limit: MAX_PAYLOAD_SIZE }));
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.make_room()?;
        self.pace();
        self.mend_log()?;
        let checked = self.validate_ahead(&reads).inspect_err(|error| self.note_conflict(error))?;
        let request = Request { batch, reads: Mutex::new(reads), checked, outcome: Mutex::default() };
        let request = Arc::new(request);
        self.queue.lock().push(Arc::clone(&request));
        {
            let mut log = self.log.lock();
            if !request.is_settled() {
                let group = std::mem::take(&mut *self.queue.lock());
                self.write_group(&mut log, &group);
            }
        }
        self.freeze_if_full();
        let written = request.end().inspect_err(|error| self.note_conflict(error))?;
        match durability {
            Durability::Fast => self.publish(written.last),
            Durability::Safe => self.sync_to(written.end)?,
            Durability::Group => self.sync_with_others(written.end)?,
        }
        Ok(())
    }

    /// Returns when everything up to `at`, which a transaction has read, is acknowledged as `durability` says: an answer without
    /// a write, a refusal too, must not rest on a commit that a failed sync or a crash can still take back. Takes no lock
    /// when it is durable already.
    pub(crate) fn confirm(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.ensure_writable()?;
        match durability {
            Durability::Fast => Ok(()),
            Durability::Safe | Durability::Group if self.durable() >= at => Ok(()),
            Durability::Safe | Durability::Group => self.sync(),
        }
    }

    /// Returns when everything up to `at`, which a transaction has only read, is what any reader may see: at once, unless a
    /// commit among it is still on its way to the disk.
    pub(crate) fn confirm_visible(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.ensure_open()?;
        if self.visible() >= at { Ok(()) } else { self.confirm(at, durability) }
    }

    /// Makes everything that was committed before durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.ensure_writable()?;
        let end = self.log.lock().position();
        self.sync_to(end)
    }

    /// Validates, numbers, writes and applies a group, and settles each of its requests.
    fn write_group(&self, log: &mut Log, group: &[Arc<Request>]) {
        let mut accepted = Vec::with_capacity(group.len());
        let mut keys = BTreeSet::new();
        for request in group {
            let first = log.next_seqno();
            match self.validate(request, log.recent(), &keys).and_then(|()| log.append(&request.batch)) {
                Ok(()) => accepted.push((request, first)),
                Err(error) => {
                    request.settle(Err(self.poison_like(log, error)));
                    continue;
                }
            }
            if group.len() > 1 {
                keys.extend(request.batch.iter().map(|(_, key, _)| key));
            }
        }
        if accepted.is_empty() {
            return;
        }
        match log.write() {
            Ok(()) => self.apply_group(log, &accepted),
            Err(error) => {
                self.log_is_torn.store(log.is_torn(), Ordering::Release);
                let mut error = Some(self.poison_like(log, error));
                for (request, _) in accepted {
                    // The others of the group failed for the same reason, which cannot be given twice.
                    request.settle(Err(error.take().unwrap_or_else(|| self.failure())));
                }
            }
        }
    }

    /// Puts a written group into the memtable and settles its requests.
    fn apply_group(&self, log: &mut Log, group: &[(&Arc<Request>, SeqNo)]) {
        let view = self.view.load();
        for (request, first) in group {
            for (place, (kind, key, value)) in (0..).zip(request.batch.iter()) {
                view.active.insert(Entry { key, seqno: first.plus(place), kind, value });
            }
            log.remember(*first, request);
        }
        self.applied.store(log.last_seqno().0, Ordering::Release);
        let written = Written { last: log.last_seqno(), end: log.position() };
        for (request, _) in group {
            request.settle(Ok(written));
        }
    }

    /// What the others of a failed group are told.
    fn failure(&self) -> Error {
        if self.poisoned.load(Ordering::Acquire) { Error::Poisoned } else { Error::OutOfSpace }
    }

    /// Returns when the log is durable up to `position`, syncing it for everybody if nobody did.
    fn sync_to(&self, position: Position) -> Result<()> {
        let mut synced = self.synced.lock();
        if synced.position >= position {
            return Ok(());
        }
        self.ensure_unpoisoned()?;
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
        drop(log);
        synced.position = end;
        self.durable.fetch_max(last.0, Ordering::AcqRel);
        self.publish(last);
        drop(synced);
        self.sync_done.notify_all();
        Ok(())
    }

    /// Like [`sync_to`](Self::sync_to), but the first to come waits for others up to the group window.
    fn sync_with_others(&self, position: Position) -> Result<()> {
        let window = self.config.group_window;
        let mut synced = self.synced.lock();
        if window > Duration::ZERO && synced.position < position && !synced.gathering {
            synced.gathering = true;
            synced = self.sync_done.wait_for(synced, window);
            synced.gathering = false;
        }
        while synced.gathering && synced.position < position {
            synced = self.sync_done.wait_for(synced, window);
        }
        drop(synced);
        self.sync_to(position)
    }

    /// Lets readers see everything up to `last`.
    pub(super) fn publish(&self, last: SeqNo) {
        self.visible.fetch_max(last.0, Ordering::AcqRel);
    }

    /// The last number that no crash takes back.
    fn durable(&self) -> SeqNo {
        SeqNo(self.durable.load(Ordering::Acquire))
    }

    fn note_conflict(&self, error: &Error) {
        if matches!(error, Error::Conflict) {
            self.validations.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ensure_unpoisoned(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) { Err(Error::Poisoned) } else { Ok(()) }
    }
}
