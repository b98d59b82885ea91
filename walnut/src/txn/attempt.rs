//! One run of an optimistic transaction: it reads a pinned state and its own writes, notes what it read, and its commit
//! succeeds only if none of that was changed meanwhile.
//!
//! It reads at the engine's `applied` number, which may be ahead of what is durable: its own record comes later in
//! the same log, so it can never be durable without what it was built on.
//!
//! A single statement pins its state when it first reads; a transaction of several pins it when it begins, as those who begin
//! one expect.
//!
//! Its locks are held for the look at a map or a list, never while something is read from the store or while code of
//! the user's runs: a closure within a statement may read through the same transaction.

use std::cell::{Cell, OnceCell};
use std::fmt;

use super::guard::{Guard, Wish, Wished};
use super::lane::Lane;
use super::notes::Notes;
use super::overlay::Overlay;
use super::reader::EntryReader;
use super::running::{Running, commit_beside};
use super::scan::EntryScan;
use super::write_set::{Savepoint, WriteSet};
use crate::base::{KeyRange, SeqNo};
use crate::batch::EntryBatch;
use crate::engine::{Core, Durability, ReadSet};
use crate::error::{Error, Fault, Result};
use crate::mvcc::Pin;
use crate::sync::{Arc, Mutex};

/// One attempt to change the store. Dropping it leaves the store as it is.
pub(crate) struct Attempt {
    core: Arc<Core>,
    pin: OnceCell<Pin>,
    /// Whether a statement that writes has run, so that an answer without a write may be a refusal.
    has_stated: Cell<bool>,
    /// Whether it cannot be answered from the state that it has pinned.
    is_late: Cell<bool>,
    /// Whether it is the store's own business, of which no attempt around it needs to know.
    is_internal: bool,
    /// Scans keep a share of it.
    notes: Arc<Notes>,
    writes: Mutex<WriteSet>,
    /// Ranges that go when it is committed.
    cleared: Mutex<Vec<KeyRange>>,
}

/// Runs `body` on an attempt, which it gives back, and commits it, again and again while others get in its way.
///
/// [`Error::Conflict`] of the commit only after a thousand lost attempts, [`Error::SelfConflict`] after the first that lost to `body`
/// itself; every error of `body` ends it at once, and nothing is written. An attempt that has given up is repeated, whatever `body`
/// has made of the error. Whatever is answered after a statement rests on commits that are acknowledged as `durability` says.
pub(crate) fn transact<R, E: From<Error>>(
    core: &Arc<Core>,
    lane: &Lane,
    durability: Durability,
    begin: impl Fn() -> Attempt,
    mut body: impl FnMut(Attempt) -> (Attempt, Result<R, E>),
) -> Result<R, E> {
    lane.repeat(core, || {
        let attempt = begin();
        let running = Running::enter(&attempt);
        let (attempt, result) = body(attempt);
        let beside = running.leave();
        if attempt.is_late.get() {
            return Ok(None);
        }
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                attempt.confirm(durability)?;
                return Err(error);
            }
        };
        match attempt.commit_after(&beside, durability) {
            Ok(()) => Ok(Some(result)),
            Err(Error::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
}

impl Attempt {
    /// An attempt that sees everything that is in the log now.
    pub(crate) fn begin(core: &Arc<Core>, guard: &Arc<Guard>) -> Self {
        let attempt = Self::begin_statement(core, guard);
        attempt.pin();
        attempt.has_stated.set(false);
        attempt
    }

    /// An attempt for a single statement: it sees everything that is in the log when it first reads.
    pub(crate) fn begin_statement(core: &Arc<Core>, guard: &Arc<Guard>) -> Self {
        Self {
            core: Arc::clone(core),
            pin: OnceCell::new(),
            has_stated: Cell::new(true),
            is_late: Cell::new(false),
            is_internal: false,
            notes: Arc::new(Notes::new()),
            writes: Mutex::new(WriteSet::new(guard)),
            cleared: Mutex::default(),
        }
    }

    /// The same attempt as the store's own business: it writes nothing that the body of an attempt around it can have read, or only
    /// what that attempt itself has asked for and finds when it is repeated.
    pub(crate) fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    /// What tells it from other attempts, and its store.
    pub(super) fn identity(&self) -> (&Arc<Core>, &Arc<Notes>) {
        (&self.core, &self.notes)
    }

    /// The sequence number of the state that it reads.
    pub(crate) fn at(&self) -> SeqNo {
        self.pin().at()
    }

    /// Says that the state which it reads is too old for what was asked: whoever repeats attempts begins another.
    pub(crate) fn give_up(&self) {
        self.is_late.set(true);
    }

    fn pin(&self) -> &Pin {
        self.pin.get_or_init(|| self.core.pin_applied())
    }

    /// Gives a reader of the state under the writes to `reads`.
    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        let writes = self.writes.lock().share();
        self.core.read_at(self.pin(), |below| {
            reads(EntryReader::Overlay { below, writes: &writes, notes: &self.notes })
        })
    }

    /// The same for the state alone, without the writes; nothing is noted.
    pub(crate) fn read_below<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.core.read_at(self.pin(), |below| reads(EntryReader::Engine(below)))
    }

    /// Gives the value of `key` to `found`; `None` when there is none.
    pub(crate) fn get<R>(&self, key: &[u8], found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        self.read(|reader| reader.get(key, found))
    }

    /// The entries of `range` as they are now in this attempt; the scan goes on seeing them so.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        let writes = self.writes.lock().share_in_order();
        let below = self.core.scan_at(range.clone(), self.pin())?;
        Ok(EntryScan::Overlay(Box::new(Overlay::new(below, range, writes, Arc::clone(&self.notes)))))
    }

    /// The error for stored bytes that make no sense.
    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.core.dir(), 0)
    }

    /// Sets the value of `key`.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) {
        self.writes.lock().write(key, Some(value));
    }

    /// Adds a number to that of `key`, which is not read: others may add to it at the same time.
    pub(crate) fn add(&self, key: &[u8], delta: i64) {
        self.writes.lock().add(key, delta);
    }

    /// Sets the value of `key` unless it was written before and has a value, which is given then.
    pub(crate) fn put_new(&self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.writes.lock().write_new(key, value)
    }

    /// Says that so many times as much will follow as was written.
    pub(crate) fn expect_more(&self, times: usize) {
        self.writes.lock().reserve(times);
    }

    /// Removes `key`.
    pub(crate) fn delete(&self, key: &[u8]) {
        self.writes.lock().write(key, None);
    }

    /// Removes every key of `range`, which has an end, when the attempt is committed, before all its other writes. Its own reads do
    /// not know of it, and nothing takes it back: it is for attempts that have no other business in the range.
    pub(crate) fn clear(&self, range: KeyRange) {
        self.cleared.lock().push(range);
    }

    /// Lets others know that `key`, an entry of a unique index, is about to be written, and waits for a while when one of them
    /// was first. To be called before anything is read that the answer rests on.
    pub(crate) fn announce(&self, key: &[u8]) {
        let wish = self.writes.lock().reservations.wish(key);
        if let Some(Wished::Reserved(value)) = wish.map(Wish::fulfil) {
            self.writes.lock().reservations.keep(value);
        }
    }

    /// Reserves an entry of a unique index; says whether it is held now.
    pub(crate) fn try_reserve(&self, key: &[u8]) -> bool {
        let wish = self.writes.lock().reservations.wish_at_once(key);
        match wish.fulfil() {
            Wished::Reserved(value) => self.writes.lock().reservations.keep(value),
            Wished::Held => {}
            Wished::Taken => return false,
        }
        true
    }

    /// Gives back a reservation; says whether it was held.
    pub(crate) fn release(&self, key: &[u8]) -> bool {
        self.writes.lock().reservations.release(key)
    }

    /// Whether a reservation is held.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.writes.lock().reservations.holds(key)
    }

    /// Runs a statement that, when it fails or panics, leaves the writes as they were.
    ///
    /// [`Error::Unsupported`] within another statement of the same attempt: what that one has read would no longer hold.
    pub(crate) fn statement<R>(&self, run: impl FnOnce(&Self) -> Result<R>) -> Result<R> {
        self.writes.lock().begin_statement()?;
        self.has_stated.set(true);
        let running = Statement { writes: &self.writes };
        let result = run(self)?;
        running.finish()?;
        Ok(result)
    }

    /// A place to come back to.
    pub(crate) fn savepoint(&self) -> Savepoint {
        self.writes.lock().savepoint()
    }

    /// Takes back every write since `savepoint`.
    pub(crate) fn rollback_to(&self, savepoint: Savepoint) -> Result<()> {
        self.writes.lock().rollback_to(savepoint)
    }

    /// Makes the writes part of history if nothing that was read has changed: [`Error::Conflict`] otherwise.
    ///
    /// Without writes nothing is checked: all reads were of one state.
    pub(crate) fn commit(self, durability: Durability) -> Result<()> {
        self.commit_after(&EntryBatch::new(), durability)
    }

    /// Like [`commit`](Self::commit), after the body of the attempt has committed `beside` through other handles:
    /// [`Error::SelfConflict`] when it has read any of that.
    fn commit_after(mut self, beside: &EntryBatch, durability: Durability) -> Result<()> {
        let writes = self.writes.lock().share();
        if writes.is_empty() && self.cleared.lock().is_empty() {
            return self.confirm(durability);
        }
        let (keys, ranges) = self.notes.take();
        let mut batch = EntryBatch::new();
        for KeyRange { start, end } in &*self.cleared.lock() {
            batch.delete_range(start, end.as_deref().unwrap_or_default());
        }
        writes.add_to(&mut batch);
        let reads = ReadSet { pin: self.pin.take(), keys, ranges };
        if reads.meet_batch(beside) {
            return Err(Error::SelfConflict);
        }
        let commit = |batch| self.core.commit(reads, batch, durability);
        if self.is_internal {
            commit(batch)
        } else {
            commit_beside(&self.core, Some(&self.notes), batch, commit)
        }
    }

    /// Returns when an answer may be given that rests on what was read, and for which nothing is written.
    fn confirm(&self, durability: Durability) -> Result<()> {
        let at = self.pin.get().map_or(SeqNo::ZERO, Pin::at);
        if self.has_stated.get() {
            self.core.confirm(at, durability)
        } else {
            self.core.confirm_visible(at, durability)
        }
    }
}

impl fmt::Debug for Attempt {
    /// One short line: what it wrote and read may be much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write_count = self.writes.lock().count();
        f.debug_struct("Attempt")
            .field("at", &self.pin.get().map(|pin| pin.at().0))
            .field("write_count", &write_count)
            .finish_non_exhaustive()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Scans may go on; what they read from now on matters to nobody.
        self.notes.take();
    }
}

/// A statement in the middle of its work.
struct Statement<'a> {
    writes: &'a Mutex<WriteSet>,
}

impl Statement<'_> {
    /// Keeps what the statement wrote, unless it is too much for one commit.
    fn finish(self) -> Result<()> {
        self.writes.lock().keep_statement()
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        self.writes.lock().end_statement();
    }
}
