//! One run of an optimistic transaction: it reads a pinned state and its own writes, notes what it
//! read, and its commit succeeds only if none of that was changed meanwhile.
//!
//! It reads at the engine's `applied` number, which may be ahead of what is durable: its own record
//! comes later in the same log, so it can never be durable without what it was built on.
//!
//! A single statement pins its state when it first reads; a transaction of several pins it when it
//! begins, as those who begin one expect.
//!
//! Handles share it, and outlive it: when it ends, by a commit or a roll-back, its pin, its writes
//! and its reservations are taken away from them, and all that is asked afterwards is
//! [`Error::TransactionEnded`]. Several threads may read through it at a time, and one statement
//! writes. What a statement in another thread has written when it ends is no part of it.
//!
//! Its lock is held for the look at a map or a list, never while something is read from the store
//! or while code of the user's runs: a closure within a statement may read through the same
//! transaction.

use std::fmt;
use std::path::Path;

use super::below::Below;
use super::engine_reads::EngineReads;
use super::guard::{Guard, Wish, Wished};
use super::notes::Notes;
use super::overlay::Overlay;
use super::place::{AttemptBase, Place};
use super::reader::EntryReader;
use super::remote::{RemoteReader, commit_remotely};
use super::running::commit_beside;
use super::scan::EntryScan;
use super::write_set::{Savepoint, WriteSet};
use super::writes::Writes;
use crate::backend::{self, Mode, RemoteScan, RemoteSession, RemoteValue};
use crate::base::{KeyRange, SeqNo};
use crate::batch::EntryBatch;
use crate::engine::{Durability, ReadSet};
use crate::error::{Error, Fault, Result};
use crate::mvcc::Pin;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};

/// No sequence number: nothing was read yet.
const UNPINNED: u64 = u64::MAX;

/// One attempt to change the store. Dropping it leaves the store as it is.
pub(crate) struct Attempt {
    base: AttemptBase,
    /// The number of the state that it reads, or [`UNPINNED`].
    at: AtomicU64,
    /// Whether a statement that writes has run, so that an answer without a write may be a refusal.
    has_stated: AtomicBool,
    /// Whether it cannot be answered from the state that it has pinned.
    pub(super) is_late: AtomicBool,
    /// Whether it is the store's own business, of which no attempt around it needs to know.
    is_internal: bool,
    /// Scans keep a share of it.
    notes: Arc<Notes>,
    /// `None` once it has ended.
    live: Mutex<Option<Live>>,
}

/// What an attempt has until it ends.
struct Live {
    /// `None` as long as nothing was read.
    pin: Option<Pin>,
    writes: WriteSet,
    /// Ranges that go when it is committed.
    cleared: Vec<KeyRange>,
}

impl Attempt {
    /// An attempt that sees everything that is in the log now.
    pub(crate) fn begin(place: &Place, guard: &Arc<Guard>) -> Self {
        let attempt = Self::begin_statement(place, guard);
        attempt.has_stated.store(false, Ordering::Relaxed);
        attempt.at();
        attempt
    }

    /// An attempt for a single statement: it sees everything that is in the log when it first
    /// reads.
    pub(crate) fn begin_statement(place: &Place, guard: &Arc<Guard>) -> Self {
        let live = Live { pin: None, writes: WriteSet::new(guard), cleared: Vec::new() };
        let (base, at) = match place {
            Place::Engine(core) => (AttemptBase::Engine(Arc::clone(core)), UNPINNED),
            Place::Remote(client) => {
                // A state elsewhere has no number.
                (AttemptBase::Remote(Arc::new(RemoteSession::new(client, Mode::Write))), SeqNo::ZERO.0)
            }
        };
        Self {
            base,
            at: AtomicU64::new(at),
            has_stated: AtomicBool::new(true),
            is_late: AtomicBool::new(false),
            is_internal: false,
            notes: Arc::new(Notes::new()),
            live: Mutex::new(Some(live)),
        }
    }

    /// The same attempt as the store's own business: it writes nothing that the body of an attempt
    /// around it can have read, or only what that attempt itself has asked for and finds when it is
    /// repeated.
    pub(crate) fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    /// What tells it from other attempts, and its store.
    pub(super) fn identity(&self) -> (usize, &Arc<Notes>) {
        (self.base.address(), &self.notes)
    }

    /// What it has read.
    #[inline(always)]
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The session that it reads through, if its data is elsewhere.
    #[inline(always)]
    pub(crate) fn session(&self) -> Option<&Arc<RemoteSession>> {
        match &self.base {
            AttemptBase::Engine(_) => None,
            AttemptBase::Remote(session) => Some(session),
        }
    }

    /// Chooses the state that is read, where that is not done already.
    pub(crate) fn pin_state(&self) {
        if let AttemptBase::Remote(session) = &self.base {
            session.pin();
        }
    }

    /// Chooses the state anew where something was made that it should have, as far as nothing of it
    /// was read.
    pub(crate) fn renew_state(&self) {
        if let AttemptBase::Remote(session) = &self.base {
            session.renew();
        }
    }

    /// Whether an engine elsewhere has refused it, so that it is to be run again.
    pub(super) fn is_lost(&self, round: u32) -> bool {
        self.session().is_some_and(|session| session.is_lost(round))
    }

    /// The sequence number of the state that it reads, which is pinned at the latest now.
    pub(crate) fn at(&self) -> SeqNo {
        match self.at.load(Ordering::Relaxed) {
            UNPINNED => self.pin(),
            at => SeqNo(at),
        }
    }

    /// Says that the state which it reads is too old for what was asked: [`transact`] then begins
    /// another attempt.
    pub(crate) fn give_up(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn pin(&self) -> SeqNo {
        let AttemptBase::Engine(core) = &self.base else { return SeqNo::ZERO };
        let pinned = self.live(|live| live.pin.get_or_insert_with(|| core.pin_applied()).at());
        // One that has ended reads nothing.
        let at = pinned.unwrap_or(SeqNo::ZERO);
        self.at.store(at.0, Ordering::Relaxed);
        at
    }

    /// Looks at what there is until the end; [`Error::TransactionEnded`] after it.
    #[inline]
    fn live<R>(&self, look: impl FnOnce(&mut Live) -> R) -> Result<R> {
        match self.live.lock().as_mut() {
            Some(live) => Ok(look(live)),
            None => Err(Error::TransactionEnded),
        }
    }

    /// The number that is pinned, and the writes as they are now; an error when the pin holds no
    /// more.
    #[inline(always)]
    pub(super) fn hold(&self) -> Result<(SeqNo, Arc<Writes>)> {
        match &*self.live.lock() {
            Some(Live { pin: Some(pin), writes, .. }) => {
                pin.ensure_held()?;
                Ok((pin.at(), writes.share()))
            }
            _ => Err(Error::TransactionEnded),
        }
    }

    /// Calls `reads` with a reader of the state under the writes.
    #[inline]
    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &self.base {
            AttemptBase::Engine(core) => EngineReads::new(self, core).read(reads),
            AttemptBase::Remote(session) => self.read_remotely(session, reads),
        }
    }

    /// What reads, if its data is in this process.
    #[inline(always)]
    pub(crate) fn engine_reads(&self) -> Option<EngineReads<'_>> {
        match &self.base {
            AttemptBase::Engine(core) => Some(EngineReads::new(self, core)),
            AttemptBase::Remote(_) => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn read_remotely<R>(
        &self,
        session: &Arc<RemoteSession>,
        reads: impl FnOnce(EntryReader<'_>) -> Result<R>,
    ) -> Result<R> {
        let writes = self.live(|live| live.writes.share())?;
        reads(EntryReader::Remote(RemoteReader::under(session, &writes, &self.notes)))
    }

    /// The same for the state alone, without the writes; nothing is noted.
    pub(crate) fn read_below<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &self.base {
            AttemptBase::Engine(core) => {
                self.at();
                core.read_held(|| self.hold(), |below, _| reads(EntryReader::Engine(below)))
            }
            AttemptBase::Remote(session) => reads(EntryReader::Remote(RemoteReader::new(session))),
        }
    }

    /// Gives the value of `key` to `found`; `None` when there is none.
    pub(crate) fn get<R>(&self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        match &self.base {
            AttemptBase::Engine(core) => EngineReads::new(self, core).read(|reader| reader.get(key, found)),
            AttemptBase::Remote(session) => Ok(self.get_remotely(session, key)?.map(|value| found(&value))),
        }
    }

    #[cold]
    #[inline(never)]
    fn get_remotely(&self, session: &Arc<RemoteSession>, key: &[u8]) -> Result<Option<RemoteValue>> {
        let writes = self.live(|live| live.writes.share())?;
        RemoteReader::under(session, &writes, &self.notes).get(key)
    }

    /// The entries of `range` as they are now in this attempt; the scan goes on seeing them so,
    /// also when the attempt has ended.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        self.at();
        let (below, writes) = self.live(|live| {
            let below = match &self.base {
                AttemptBase::Engine(core) => {
                    let pin = live.pin.as_ref().ok_or(Error::TransactionEnded)?;
                    Below::Engine(core.scan_at(range.clone(), pin)?)
                }
                AttemptBase::Remote(session) => {
                    Below::Remote(RemoteScan::new(Arc::clone(session), range.clone()))
                }
            };
            Ok((below, live.writes.share_in_order()))
        })??;
        Ok(EntryScan::overlay(Overlay::new(below, range, writes, Arc::clone(&self.notes))))
    }

    /// What errors name as the place of stored bytes.
    pub(crate) fn dir(&self) -> &Path {
        self.base.dir()
    }

    /// The error for stored bytes that make no sense.
    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.dir(), 0)
    }

    /// Has the writes changed by a statement. After the end there are none: the statement learns of
    /// it when it is finished.
    #[inline]
    fn change<R: Default>(&self, change: impl FnOnce(&mut WriteSet) -> R) -> R {
        self.live.lock().as_mut().map(|live| change(&mut live.writes)).unwrap_or_default()
    }

    /// Sets the value of `key`.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) {
        self.change(|writes| writes.write(key, Some(value)));
    }

    /// Adds a number to that of `key`, which is not read: others may add to it at the same time.
    pub(crate) fn add(&self, key: &[u8], delta: i64) {
        self.change(|writes| writes.add(key, delta));
    }

    /// Sets the value of `key` unless it was written before and has a value, which is returned
    /// then.
    pub(crate) fn put_new(&self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.change(|writes| writes.write_new(key, value))
    }

    /// Says that so many times as much will follow as was written.
    pub(crate) fn expect_more(&self, times: usize) {
        self.change(|writes| writes.reserve(times));
    }

    /// Removes `key`.
    pub(crate) fn delete(&self, key: &[u8]) {
        self.change(|writes| writes.write(key, None));
    }

    /// Removes every key of `range`, which has an end, when the attempt is committed, before all
    /// its other writes. Its own reads do not know of it, and nothing takes it back: it is for
    /// attempts that have no other business in the range.
    pub(crate) fn clear(&self, range: KeyRange) {
        // An attempt that has ended is not committed.
        let _ = self.live(|live| live.cleared.push(range));
    }

    /// Lets others know that `key`, an entry of a unique index, is about to be written, and waits
    /// for a while when one of them was first. To be called before anything is read that the answer
    /// rests on.
    pub(crate) fn announce(&self, key: &[u8]) {
        if let Some(wish) = self.change(|writes| writes.reservations.wish(key)) {
            // A value that is not to be had is a conflict later.
            let _ = self.reserve(&wish);
        }
    }

    /// Reserves an entry of a unique index; returns whether it is held now.
    pub(crate) fn try_reserve(&self, key: &[u8]) -> Result<bool> {
        let wish = self.live(|live| live.writes.reservations.wish_at_once(key))?;
        Ok(self.reserve(&wish)? != Wished::Taken)
    }

    /// Has a wish fulfilled, without the lock, and keeps what came of it.
    fn reserve(&self, wish: &Wish) -> Result<Wished> {
        let wished = wish.fulfil();
        if let Wished::Reserved(value) = wished {
            self.live(|live| live.writes.reservations.keep(value)).inspect_err(|_| wish.give_back())?;
        }
        Ok(wished)
    }

    /// Gives back a reservation; returns whether it was held.
    pub(crate) fn release(&self, key: &[u8]) -> Result<bool> {
        self.live(|live| live.writes.reservations.release(key))
    }

    /// Whether a reservation is held.
    pub(crate) fn holds(&self, key: &[u8]) -> Result<bool> {
        self.live(|live| live.writes.reservations.holds(key))
    }

    /// Runs a statement that, when it fails or panics, leaves the writes as they were.
    ///
    /// [`Error::Unsupported`] within another statement of the same attempt: what that one has read
    /// would no longer hold.
    pub(crate) fn statement<R>(&self, run: impl FnOnce(&Self) -> Result<R>) -> Result<R> {
        self.live(|live| live.writes.begin_statement())??;
        self.has_stated.store(true, Ordering::Relaxed);
        let running = Statement { attempt: self };
        let result = run(self)?;
        running.finish()?;
        Ok(result)
    }

    /// A place to come back to; nothing to come back to once the attempt has ended.
    pub(crate) fn savepoint(&self) -> Savepoint {
        let savepoint = Savepoint::new();
        self.change(|writes| writes.set_savepoint(savepoint));
        savepoint
    }

    /// Takes back every write since `savepoint`.
    pub(crate) fn rollback_to(&self, savepoint: Savepoint) -> Result<()> {
        self.live(|live| live.writes.rollback_to(savepoint))?
    }

    /// Makes the writes part of history if nothing that was read has changed: [`Error::Conflict`]
    /// otherwise. It has ended then.
    ///
    /// Without writes nothing is checked: all reads were of one state.
    pub(crate) fn commit(&self, durability: Durability) -> Result<()> {
        self.commit_after(&EntryBatch::new(), durability)
    }

    /// Like [`commit`](Self::commit), after the body of the attempt has committed `beside` through
    /// other handles: [`Error::SelfConflict`] when it has read any of that.
    pub(super) fn commit_after(&self, beside: &EntryBatch, durability: Durability) -> Result<()> {
        // Reservations last until this returns.
        let mut live = self.live.lock().take().ok_or(Error::TransactionEnded)?;
        // Another thread may be in the middle of one.
        live.writes.end_statement();
        let Live { pin, writes, cleared } = live;
        let written = writes.share();
        if written.is_empty() && cleared.is_empty() {
            return self.confirm(durability);
        }
        let (keys, ranges) = self.notes.take();
        let mut batch = EntryBatch::new();
        for KeyRange { start, end } in &cleared {
            batch.delete_range(start, end.as_deref().unwrap_or_default());
        }
        written.add_to(&mut batch);
        let reads = ReadSet { pin, keys, ranges };
        if reads.meet_batch(beside) {
            return Err(Error::SelfConflict);
        }
        match &self.base {
            AttemptBase::Engine(core) => {
                self.commit_noted(batch, |batch| core.commit(reads, batch, durability))
            }
            AttemptBase::Remote(session) => {
                self.commit_noted(batch, |batch| commit_remotely(session, &batch, durability))
            }
        }
    }

    /// Calls `commit` with a batch; the attempts that run around this one learn what it writes,
    /// unless it is internal.
    #[inline]
    fn commit_noted(&self, batch: EntryBatch, commit: impl FnOnce(EntryBatch) -> Result<()>) -> Result<()> {
        if self.is_internal {
            commit(batch)
        } else {
            commit_beside(self.base.address(), Some(&self.notes), batch, commit)
        }
    }

    /// Ends it without a trace. Does nothing when it has ended.
    pub(crate) fn roll_back(&self) {
        // Values are given back without the lock.
        let live = self.live.lock().take();
        drop(live);
        if let AttemptBase::Remote(session) = &self.base {
            session.end();
        }
        // Scans may go on; what they read from now on matters to nobody.
        self.notes.take();
    }

    /// Returns when an answer may be given that rests on what was read, and for which nothing is
    /// written.
    pub(super) fn confirm(&self, durability: Durability) -> Result<()> {
        let at = match self.at.load(Ordering::Relaxed) {
            UNPINNED => SeqNo::ZERO,
            at => SeqNo(at),
        };
        match &self.base {
            AttemptBase::Engine(core) if self.has_stated.load(Ordering::Relaxed) => {
                core.confirm(at, durability)
            }
            AttemptBase::Engine(core) => core.confirm_visible(at, durability),
            AttemptBase::Remote(session) => session.commit(backend::Writes::new(), durability),
        }
    }
}

impl fmt::Debug for Attempt {
    /// One short line: what it wrote and read may be much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.load(Ordering::Relaxed);
        f.debug_struct("Attempt")
            .field("at", &(at != UNPINNED).then_some(at))
            .field("write_count", &self.change(|writes| writes.count()))
            .finish_non_exhaustive()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.notes.take();
    }
}

/// A statement in the middle of its work.
struct Statement<'a> {
    attempt: &'a Attempt,
}

impl Statement<'_> {
    /// Keeps what the statement wrote, unless it is too much for one commit.
    fn finish(self) -> Result<()> {
        self.attempt.live(|live| live.writes.keep_statement())??;
        // Another thread may have begun the next one.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        self.attempt.change(WriteSet::end_statement);
    }
}
