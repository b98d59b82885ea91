//! A session as the layers above use it: reads are remembered, failures are final, commits have a
//! known outcome.
//!
//! 1. A state is read once: what was read is kept, up to [`KEPT_SIZE`] bytes, so that it costs no
//!    further round trip.
//! 2. A session that has failed once fails for good: a commit on a transaction that an engine has
//!    aborted may answer that all is well.
//! 3. While nothing was read, an engine that cannot be reached is asked again, in a new session.
//! 4. A commit happened, or did not; [`Error::CommitUnknown`] only if the engine cannot be asked.
//!
//! Threads may share it: each call takes its lock.

use std::collections::HashMap;

use super::client::{Client, CommitSlot};
use super::fate::CommitFate;
use super::{Failure, Mode, Page, Session, Writes};
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::{Arc, Mutex};

/// The bytes of keys and values that a session keeps.
const KEPT_SIZE: usize = 8 << 20;

/// The keys of a removed range that are read at a time.
const REMOVED_TOGETHER: usize = 1024;

/// The bytes that a kept entry takes beside its key and value.
const KEPT_OVERHEAD: usize = 96;

/// Empty pages in a row after which an engine is taken to be broken: it may say that a scan goes on
/// without an entry, but not for ever.
const EMPTY_PAGE_LIMIT: u32 = 1000;

/// After so many conflicts pauses grow no longer: an engine that answers is not down.
const CONFLICT_ROUNDS: u32 = 4;

/// A value that was read.
pub(crate) type RemoteValue = Arc<[u8]>;

/// Reads of one state of an engine, and one commit on top of it.
pub(crate) struct RemoteSession {
    client: Arc<Client>,
    mode: Mode,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// `None` until something is read, after a failure, and after the end.
    session: Option<Box<dyn Session>>,
    slot: Option<CommitSlot>,
    kept: HashMap<Vec<u8>, Option<RemoteValue>>,
    kept_size: usize,
    /// Keys of which all are likely to be read once one is.
    expected: Vec<Vec<u8>>,
    /// Empty pages since the last one with an entry.
    empty_page_count: u32,
    /// Whether a state was chosen.
    has_read: bool,
    /// Whether something of it was told.
    has_told: bool,
    failure: Option<Failure>,
    has_ended: bool,
}

impl RemoteSession {
    pub(crate) fn new(client: &Arc<Client>, mode: Mode) -> Self {
        Self { client: Arc::clone(client), mode, open: Mutex::default() }
    }

    /// One that reads what another session of the engine reads, such as one of the past.
    pub(crate) fn over(client: &Arc<Client>, session: Box<dyn Session>) -> Self {
        let open = Open { session: Some(session), has_read: true, has_told: true, ..Open::default() };
        Self { client: Arc::clone(client), mode: Mode::Read, open: Mutex::new(open) }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Chooses the state that is read, at the latest now. A failure is that of the next read, too.
    pub(crate) fn pin(&self) {
        let mut open = self.open.lock();
        if !open.has_read {
            // The session keeps the failure.
            let _ = self.call(&mut open, |session| session.pin());
        }
    }

    /// Chooses a state anew if one was chosen and nothing of it was told.
    pub(crate) fn renew(&self) {
        let mut open = self.open.lock();
        if open.has_read && !open.has_told && open.failure.is_none() && !open.has_ended {
            (open.session, open.has_read) = (None, false);
            let _ = self.call(&mut open, |session| session.pin());
        }
    }

    /// Says that `keys` are likely to be read, once one of them is.
    pub(super) fn expect(&self, keys: Vec<Vec<u8>>) {
        self.open.lock().expected = keys;
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<RemoteValue>> {
        Ok(self.get_many(&[key])?.into_iter().next().flatten())
    }

    /// The values of `keys`, in their order. One round trip for all that were not read before.
    pub(crate) fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<RemoteValue>>> {
        let mut open = self.open.lock();
        self.ensure_usable(&open)?;
        let longest = self.client.limits().key;
        let expected = open.expected_with(keys);
        let is_missing = |key: &&[u8]| key.len() <= longest && !open.kept.contains_key(*key);
        let wanted = keys.iter().copied().chain(expected.iter().map(Vec::as_slice));
        let mut missing: Vec<&[u8]> = wanted.filter(is_missing).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(keys.iter().map(|key| open.kept.get(*key).cloned().flatten()).collect());
        }
        let values = self.call(&mut open, |session| {
            let values = session.get_many(&missing)?;
            if values.len() == missing.len() {
                return Ok(values);
            }
            let text = format!("asked for {} keys it answers with {}", missing.len(), values.len());
            Err(Failure::Other(text))
        })?;
        open.has_told = true;
        let values: Vec<_> = values.into_iter().map(|value| value.map(RemoteValue::from)).collect();
        let found = |key: &&[u8]| match missing.binary_search(key) {
            Ok(place) => values[place].clone(),
            Err(_) => open.kept.get(*key).cloned().flatten(),
        };
        let answer = keys.iter().map(found).collect();
        for (key, value) in missing.into_iter().zip(values) {
            open.keep(key, value);
        }
        Ok(answer)
    }

    /// A page of a scan: see [`Session::scan`].
    pub(crate) fn page(
        &self,
        (start, end): (&[u8], Option<&[u8]>),
        limit: usize,
        reverse: bool,
    ) -> Result<Page> {
        let mut open = self.open.lock();
        open.has_told = true;
        self.page_of(&mut open, (start, end), limit, reverse)
    }

    /// A page that is in order, within the range and followed by the rest of it, or an error.
    fn page_of(
        &self,
        open: &mut Open,
        (start, end): (&[u8], Option<&[u8]>),
        limit: usize,
        reverse: bool,
    ) -> Result<Page> {
        let empty_count = open.empty_page_count;
        let page = self.call(open, |session| {
            let page = session.scan(start, end, limit, reverse)?;
            if !is_page_of(&page, (start, end), limit, reverse) {
                return Err(Failure::Other("a page of a scan is not what was asked for".to_owned()));
            }
            if page.entries.is_empty() && page.rest.is_some() && empty_count >= EMPTY_PAGE_LIMIT {
                return Err(Failure::Other("it answers with empty pages only".to_owned()));
            }
            Ok(page)
        })?;
        open.empty_page_count = if page.entries.is_empty() { empty_count + 1 } else { 0 };
        Ok(page)
    }

    /// Commits `writes` on top of the state that was read, and ends. [`Error::Conflict`] means that
    /// nothing was done: also when the reply was lost, and the commit turned out not to have
    /// happened.
    pub(crate) fn commit(&self, mut writes: Writes, durability: Durability) -> Result<()> {
        let mut open = self.open.lock();
        if !writes.is_empty() && !open.has_read {
            // The commit conflicts with what was written since its state, so there has to be one.
            self.call(&mut open, |session| session.pin())?;
        }
        if writes.ranges().len() > self.client.limits().ranges {
            writes = self.key_by_key(&mut open, &writes)?;
        }
        self.ensure_usable(&open)?;
        open.has_ended = true;
        open.kept = HashMap::new();
        let (session, slot) = (open.session.take(), open.slot.take());
        let Some((session, mut slot)) = session.zip(slot) else {
            // Nothing was read, and there is nothing to write.
            return Ok(());
        };
        if !writes.is_empty() {
            writes.put(&self.client.slot_key(&slot), &(slot.last + 1).to_le_bytes());
        }
        let done = self.client.ensure_within(&writes).map(|()| session.commit(&writes, durability));
        let failure = match done {
            Ok(Ok(())) => {
                self.client.answered();
                slot.last += u64::from(!writes.is_empty());
                self.client.return_slot(slot);
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(error) => {
                self.client.return_slot(slot);
                return Err(error);
            }
        };
        let failure = match failure {
            // Nothing was to be done, so nothing was.
            Failure::CommitUnknown(text) if writes.is_empty() => Failure::Unavailable(text),
            Failure::CommitUnknown(text) => match self.client.find_out(&mut slot, durability) {
                Some(CommitFate::Happened) => {
                    self.client.return_slot(slot);
                    return Ok(());
                }
                Some(CommitFate::Fenced) => Failure::Conflict,
                None => {
                    let failure = Failure::CommitUnknown(text);
                    open.failure = Some(failure.clone());
                    return Err(self.client.error(&failure));
                }
            },
            failure => failure,
        };
        self.client.return_slot(slot);
        let error = self.client.error(&failure);
        open.failure = Some(failure);
        Err(error)
    }

    /// The same writes without ranges, for an engine that removes none: each key of a range is
    /// removed by itself, up to one more than a commit takes.
    fn key_by_key(&self, open: &mut Open, writes: &Writes) -> Result<Writes> {
        let mut singly = Writes::new();
        for (start, end) in writes.ranges() {
            let mut rest = Some(start.to_vec());
            while let Some(from) = rest.filter(|_| singly.len() <= self.client.limits().commit_count) {
                let page = self.page_of(open, (&from, Some(end)), REMOVED_TOGETHER, false)?;
                page.entries.iter().for_each(|(key, _)| singly.remove(key));
                rest = page.rest;
            }
        }
        for (key, value) in writes.keys() {
            match value {
                Some(value) => singly.put(key, value),
                None => singly.remove(key),
            }
        }
        Ok(singly)
    }

    /// Ends without a commit.
    pub(crate) fn end(&self) {
        let mut open = self.open.lock();
        open.has_ended = true;
        open.kept = HashMap::new();
        open.session = None;
        if let Some(slot) = open.slot.take() {
            self.client.return_slot(slot);
        }
    }

    /// Whether it was lost to the engine, so that the same work is to be tried again in a new
    /// session. Waits before it says so when the engine cannot be reached.
    pub(crate) fn is_lost(&self, round: u32) -> bool {
        let failure = self.open.lock().failure.clone();
        match failure {
            Some(Failure::Conflict | Failure::TooOld) => {
                if round > 0 {
                    self.client.pause(round.min(CONFLICT_ROUNDS));
                }
                true
            }
            Some(Failure::Unavailable(_)) => {
                let is_patient = self.client.is_patient();
                if is_patient {
                    self.client.pause(round);
                }
                is_patient
            }
            _ => false,
        }
    }

    /// Ends it because its state is too old for what was asked: the same work is to be tried again.
    pub(crate) fn lose(&self) -> Error {
        let mut open = self.open.lock();
        open.session = None;
        self.client.error(open.failure.insert(Failure::Conflict))
    }

    fn ensure_usable(&self, open: &Open) -> Result<()> {
        match &open.failure {
            Some(failure) => Err(self.client.error(failure)),
            None if open.has_ended => Err(Error::TransactionEnded),
            None => Ok(()),
        }
    }

    /// Calls the engine in the open session, which is begun now if there is none.
    fn call<R>(
        &self,
        open: &mut Open,
        mut call: impl FnMut(&mut dyn Session) -> Result<R, Failure>,
    ) -> Result<R> {
        self.ensure_usable(open)?;
        for round in 0.. {
            let failure = match self.begun(open).and_then(&mut call) {
                Ok(answer) => {
                    open.has_read = true;
                    self.client.answered();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            open.session = None;
            let may_begin_again = matches!(failure, Failure::Unavailable(_)) && !open.has_read;
            if !may_begin_again || !self.client.is_patient() {
                let error = self.client.error(&failure);
                open.failure = Some(failure);
                return Err(error);
            }
            self.client.pause(round);
        }
        Err(Error::Conflict)
    }

    fn begun<'o>(&self, open: &'o mut Open) -> Result<&'o mut dyn Session, Failure> {
        if self.mode == Mode::Write && open.slot.is_none() {
            // Before the state is chosen, so that it has the slot's last commit.
            open.slot = Some(self.client.take_slot());
        }
        let session = match open.session.take() {
            Some(session) => session,
            None => self.client.engine().begin(self.mode)?,
        };
        Ok(&mut **open.session.insert(session))
    }
}

/// Whether a page is one of a scan: its entries are in order and within the range, and what is left
/// lies behind all of them, so that no entry comes twice and a scan ends.
fn is_page_of(page: &Page, (start, end): (&[u8], Option<&[u8]>), limit: usize, reverse: bool) -> bool {
    let is_within = |key: &[u8]| key >= start && end.is_none_or(|end| key < end);
    let is_in_order = |(one, next): (&[u8], &[u8])| if reverse { one > next } else { one < next };
    let keys = || page.entries.iter().map(|(key, _)| key.as_slice());
    let is_behind = |rest: &[u8]| {
        let last = keys().next_back();
        rest >= start
            && end.is_none_or(|end| rest <= end)
            && last.is_none_or(|last| if reverse { rest <= last } else { rest > last })
    };
    page.entries.len() <= limit
        && keys().all(is_within)
        && keys().zip(keys().skip(1)).all(is_in_order)
        && page.rest.as_deref().is_none_or(is_behind)
}

impl Open {
    /// What is expected to be read with `keys`, if one of them is expected and not kept.
    fn expected_with(&mut self, keys: &[&[u8]]) -> Vec<Vec<u8>> {
        let is_expected = |key: &&[u8]| {
            !self.kept.contains_key(*key) && self.expected.iter().any(|expected| expected == key)
        };
        if keys.iter().any(is_expected) { std::mem::take(&mut self.expected) } else { Vec::new() }
    }

    fn keep(&mut self, key: &[u8], value: Option<RemoteValue>) {
        let size = key.len() + value.as_ref().map_or(0, |value| value.len()) + KEPT_OVERHEAD;
        if self.kept_size + size <= KEPT_SIZE {
            self.kept_size += size;
            self.kept.insert(key.to_vec(), value);
        }
    }
}

impl Drop for RemoteSession {
    fn drop(&mut self) {
        self.end();
    }
}
