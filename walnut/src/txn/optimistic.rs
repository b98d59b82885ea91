//! One attempt of an optimistic transaction: a pinned snapshot, a read set and a write buffer. Its
//! commit succeeds only if nothing in the read set has changed.
//!
//! The snapshot is at the engine's `applied` seqno, which may be ahead of what is durable. The
//! transaction's own record comes later in the same log, so it is never durable without the commits
//! that it has read.
//!
//! A single statement pins its snapshot at its first read, a transaction of several statements when
//! it begins.
//!
//! Handles share the transaction and may outlive it. A commit or a rollback takes its pin, writes
//! and reservations away; after that every call is [`Error::TransactionEnded`]. Several threads may
//! read through it at a time, but only one statement writes. A statement in another thread that is
//! unfinished at the commit is not part of it.
//!
//! The lock is held for a look at a map or a list only, never during a read of the store or a
//! closure of the user's: a closure within a statement may read through the same transaction.

use std::fmt;
use std::path::Path;

use super::buffers::{Savepoint, TxnBuffers};
use super::read_tracker::ReadTracker;
use super::remote::commit_remotely;
use super::reservations::{ReserveOutcome, ReserveRequest, UniqueReservations};
use super::running::commit_and_record;
use super::storage::{Storage, StorageSession};
use super::write_buffer::{CounterKey, WriteBuffer};
use crate::backend::{self, Mode, RemoteSession};
use crate::base::{KeyRange, SeqNo};
use crate::batch::EntryBatch;
use crate::engine::{Durability, ReadSet};
use crate::error::{Error, Fault, Result};
use crate::mvcc::Pin;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};

/// The seqno of a transaction that has not read yet.
const UNPINNED: u64 = u64::MAX;

pub(crate) struct Txn {
    pub(super) storage: StorageSession,
    /// The seqno of the snapshot, or [`UNPINNED`].
    at: AtomicU64,
    /// Whether a statement that writes has run: its result may then be a refusal without a write.
    has_statement: AtomicBool,
    /// Whether a result needs a newer snapshot.
    pub(super) must_restart: AtomicBool,
    /// Whether the store itself writes, in a way that no transaction around it depends on.
    is_internal: bool,
    /// Shared with scans.
    reads: Arc<ReadTracker>,
    /// `None` once it has ended.
    active: Mutex<Option<ActiveState>>,
}

pub(super) struct ActiveState {
    /// `None` until the first read.
    pub(super) pin: Option<Pin>,
    pub(super) writes: TxnBuffers,
    /// Ranges that the commit deletes.
    cleared: Vec<KeyRange>,
}

impl Txn {
    /// Begins a transaction of several statements, on a snapshot at the log's end.
    pub(crate) fn begin(storage: &Storage, reservations: &Arc<UniqueReservations>) -> Self {
        let txn = Self::begin_statement(storage, reservations);
        txn.has_statement.store(false, Ordering::Relaxed);
        txn.at();
        txn
    }

    /// Begins a transaction of a single statement, whose snapshot is at the log's end at its first
    /// read.
    pub(crate) fn begin_statement(storage: &Storage, reservations: &Arc<UniqueReservations>) -> Self {
        let active = ActiveState { pin: None, writes: TxnBuffers::new(reservations), cleared: Vec::new() };
        let (storage, at) = match storage {
            Storage::Engine(core) => (StorageSession::Engine(Arc::clone(core)), UNPINNED),
            Storage::Remote(client) => {
                // A remote snapshot has no seqno.
                (StorageSession::Remote(Arc::new(RemoteSession::new(client, Mode::Write))), SeqNo::ZERO.0)
            }
        };
        Self {
            storage,
            at: AtomicU64::new(at),
            has_statement: AtomicBool::new(true),
            must_restart: AtomicBool::new(false),
            is_internal: false,
            reads: Arc::new(ReadTracker::new()),
            active: Mutex::new(Some(active)),
        }
    }

    /// Marks the transaction as the store's own: it writes nothing that the body of a transaction
    /// around it can have read, except what that transaction itself has asked for and finds when it
    /// is repeated.
    pub(crate) fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    /// Its store and its read set, which identify it.
    pub(super) fn identity(&self) -> (usize, &Arc<ReadTracker>) {
        (self.storage.address(), &self.reads)
    }

    #[inline(always)]
    pub(super) fn reads(&self) -> &ReadTracker {
        &self.reads
    }

    #[inline(always)]
    pub(crate) fn session(&self) -> Option<&Arc<RemoteSession>> {
        match &self.storage {
            StorageSession::Engine(_) => None,
            StorageSession::Remote(session) => Some(session),
        }
    }

    /// Pins the remote snapshot now.
    pub(crate) fn pin_state(&self) {
        if let StorageSession::Remote(session) = &self.storage {
            session.pin();
        }
    }

    /// Pins a new remote snapshot if the session has not read from the present one.
    pub(crate) fn renew_state(&self) {
        if let StorageSession::Remote(session) = &self.storage {
            session.renew();
        }
    }

    /// Whether a remote engine has refused the commit, so that the transaction has to run again.
    pub(super) fn is_lost(&self, round: u32) -> bool {
        self.session().is_some_and(|session| session.is_lost(round))
    }

    /// The seqno of its snapshot, which is pinned now if it was not.
    pub(crate) fn at(&self) -> SeqNo {
        match self.at.load(Ordering::Relaxed) {
            UNPINNED => self.pin(),
            at => SeqNo(at),
        }
    }

    /// Requests another attempt, because the snapshot is too old for a read: see
    /// [`run_with_retries`](super::run_with_retries).
    pub(crate) fn request_restart(&self) {
        self.must_restart.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn pin(&self) -> SeqNo {
        let StorageSession::Engine(core) = &self.storage else { return SeqNo::ZERO };
        let pinned = self.active(|active| active.pin.get_or_insert_with(|| core.pin_applied()).at());
        // A transaction that has ended reads nothing.
        let at = pinned.unwrap_or(SeqNo::ZERO);
        self.at.store(at.0, Ordering::Relaxed);
        at
    }

    #[inline]
    pub(super) fn active<R>(&self, look: impl FnOnce(&mut ActiveState) -> R) -> Result<R> {
        match self.active.lock().as_mut() {
            Some(active) => Ok(look(active)),
            None => Err(Error::TransactionEnded),
        }
    }

    /// The pinned seqno and the writes so far, if there are any; an error once the pin has expired.
    #[inline(always)]
    pub(super) fn hold(&self) -> Result<(SeqNo, Option<Arc<WriteBuffer>>)> {
        match &*self.active.lock() {
            Some(ActiveState { pin: Some(pin), writes, .. }) => {
                pin.ensure_held()?;
                Ok((pin.at(), (!writes.is_empty()).then(|| writes.share())))
            }
            _ => Err(Error::TransactionEnded),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.storage.dir()
    }

    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.dir(), 0)
    }

    /// Changes the writes. Does nothing after the end, of which a statement learns when it
    /// finishes.
    #[inline]
    fn change<R: Default>(&self, change: impl FnOnce(&mut TxnBuffers) -> R) -> R {
        self.active.lock().as_mut().map(|active| change(&mut active.writes)).unwrap_or_default()
    }

    pub(crate) fn put(&self, key: &[u8], value: &[u8]) {
        self.change(|writes| writes.write(key, Some(value)));
    }

    /// A blind add: the key is not read, so concurrent adds do not conflict.
    pub(crate) fn add(&self, key: &[u8], delta: i64) {
        self.change(|writes| writes.add(key, delta));
    }

    /// Adds a number to a counter, which is not read either.
    pub(crate) fn add_to_counter(&self, key: CounterKey, delta: i64) {
        self.change(|writes| writes.add_to_counter(key, delta));
    }

    /// Sets the value of `key` unless this transaction has written a value before, which is then
    /// returned.
    pub(crate) fn put_new(&self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.change(|writes| writes.write_new(key, value))
    }

    /// Reserves memory for `times` as many writes as there are.
    pub(crate) fn expect_more(&self, times: usize) {
        self.change(|writes| writes.reserve(times));
    }

    pub(crate) fn delete(&self, key: &[u8]) {
        self.change(|writes| writes.write(key, None));
    }

    /// Deletes `range`, which has an end, at the commit and before all other writes. Reads of the
    /// transaction do not see it and no rollback undoes it: the caller uses the range for nothing
    /// else.
    pub(crate) fn clear(&self, range: KeyRange) {
        // A transaction that has ended is not committed.
        let _ = self.active(|active| active.cleared.push(range));
    }

    /// Reserves `key`, an entry of a unique index, and waits for a while if another transaction
    /// holds it. Must be called before the reads that the result depends on.
    pub(crate) fn reserve_or_wait(&self, key: &[u8]) {
        if let Some(request) = self.change(|writes| writes.reservations.request(key)) {
            // A value that is not available is a conflict later.
            let _ = self.reserve(&request);
        }
    }

    /// Reserves an entry of a unique index without waiting; returns whether it is held now.
    pub(crate) fn try_reserve(&self, key: &[u8]) -> Result<bool> {
        let request = self.active(|active| active.writes.reservations.request_now(key))?;
        Ok(self.reserve(&request)? != ReserveOutcome::Taken)
    }

    /// Acquires a reservation without holding the lock.
    fn reserve(&self, request: &ReserveRequest) -> Result<ReserveOutcome> {
        let outcome = request.acquire();
        if let ReserveOutcome::Reserved(value) = outcome {
            self.active(|active| active.writes.reservations.keep(value)).inspect_err(|_| request.cancel())?;
        }
        Ok(outcome)
    }

    /// Releases a reservation; returns whether it was held.
    pub(crate) fn release(&self, key: &[u8]) -> Result<bool> {
        self.active(|active| active.writes.reservations.release(key))
    }

    pub(crate) fn holds(&self, key: &[u8]) -> Result<bool> {
        self.active(|active| active.writes.reservations.holds(key))
    }

    /// Runs a statement; if it fails or panics, its writes are undone.
    ///
    /// [`Error::Unsupported`] within another statement of the same transaction, whose reads would
    /// no longer hold.
    pub(crate) fn statement<R>(&self, run: impl FnOnce(&Self) -> Result<R>) -> Result<R> {
        self.active(|active| active.writes.begin_statement())??;
        self.has_statement.store(true, Ordering::Relaxed);
        let running = RunningStatement { txn: self };
        let result = run(self)?;
        running.finish()?;
        Ok(result)
    }

    /// After the end the savepoint is one that cannot be rolled back to.
    pub(crate) fn savepoint(&self) -> Savepoint {
        let savepoint = Savepoint::new();
        self.change(|writes| writes.set_savepoint(savepoint));
        savepoint
    }

    pub(crate) fn rollback_to(&self, savepoint: Savepoint) -> Result<()> {
        self.active(|active| active.writes.rollback_to(savepoint))?
    }

    /// Commits and ends the transaction: [`Error::Conflict`] if anything in the read set has
    /// changed.
    ///
    /// Without writes nothing is validated, since all reads saw one snapshot.
    pub(crate) fn commit(&self, durability: Durability) -> Result<()> {
        self.commit_with_nested(&EntryBatch::new(), durability)
    }

    /// Like [`commit`](Self::commit), after the body has committed `nested_writes` through other
    /// handles: [`Error::SelfConflict`] if it has read any of them.
    pub(super) fn commit_with_nested(
        &self,
        nested_writes: &EntryBatch,
        durability: Durability,
    ) -> Result<()> {
        // Reservations last until this returns.
        let mut active = self.active.lock().take().ok_or(Error::TransactionEnded)?;
        // Another thread may be in the middle of a statement.
        active.writes.end_statement();
        let ActiveState { pin, writes, cleared } = active;
        let written = writes.share();
        if written.is_empty() && cleared.is_empty() {
            return self.confirm(durability);
        }
        let (keys, ranges) = self.reads.take();
        let mut batch = EntryBatch::new();
        for KeyRange { start, end } in &cleared {
            batch.delete_range(start, end.as_deref().unwrap_or_default());
        }
        written.add_to(&mut batch);
        let reads = ReadSet { pin, keys, ranges };
        if reads.meet_batch(nested_writes) {
            return Err(Error::SelfConflict);
        }
        match &self.storage {
            StorageSession::Engine(core) => {
                self.commit_unless_internal(batch, |batch| core.commit(reads, batch, durability))
            }
            StorageSession::Remote(session) => {
                self.commit_unless_internal(batch, |batch| commit_remotely(session, &batch, durability))
            }
        }
    }

    /// Calls `commit` with the batch, and records the batch with the transactions that run around
    /// this one unless this one is internal.
    #[inline]
    fn commit_unless_internal(
        &self,
        batch: EntryBatch,
        commit: impl FnOnce(EntryBatch) -> Result<()>,
    ) -> Result<()> {
        if self.is_internal {
            commit(batch)
        } else {
            commit_and_record(self.storage.address(), Some(&self.reads), batch, commit)
        }
    }

    /// Ends the transaction without a commit. Does nothing if it has ended.
    pub(crate) fn roll_back(&self) {
        // Reservations are released without the lock.
        let active = self.active.lock().take();
        drop(active);
        if let StorageSession::Remote(session) = &self.storage {
            session.end();
        }
        // Scans may continue, but their reads no longer count.
        self.reads.take();
    }

    /// Waits until the commits that a result without writes rests on are acknowledged as
    /// `durability` says.
    pub(super) fn confirm(&self, durability: Durability) -> Result<()> {
        let at = match self.at.load(Ordering::Relaxed) {
            UNPINNED => SeqNo::ZERO,
            at => SeqNo(at),
        };
        match &self.storage {
            StorageSession::Engine(core) if self.has_statement.load(Ordering::Relaxed) => {
                core.confirm(at, durability)
            }
            StorageSession::Engine(core) => core.confirm_visible(at, durability),
            StorageSession::Remote(session) => session.commit(backend::Writes::new(), durability),
        }
    }
}

impl fmt::Debug for Txn {
    /// One short line, since reads and writes may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.load(Ordering::Relaxed);
        f.debug_struct("Txn")
            .field("at", &(at != UNPINNED).then_some(at))
            .field("write_count", &self.change(|writes| writes.count()))
            .finish_non_exhaustive()
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        self.reads.take();
    }
}

struct RunningStatement<'a> {
    txn: &'a Txn,
}

impl RunningStatement<'_> {
    /// Keeps the statement's writes, unless they are too large for one commit.
    fn finish(self) -> Result<()> {
        self.txn.active(|active| active.writes.keep_statement())??;
        // Another thread may have begun the next statement.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for RunningStatement<'_> {
    fn drop(&mut self) {
        self.txn.change(TxnBuffers::end_statement);
    }
}
