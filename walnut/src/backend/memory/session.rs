//! Sessions with the reference engine.

use std::time::Instant;

use super::NAME;
use super::state::{CommitFault, LateCommit, SessionReads, Shared, State};
use super::versions::Version;
use crate::backend::{Failure, Mode, Page, Session, Writes};
use crate::engine::Durability;
use crate::sync::Arc;

pub(super) struct MemorySession {
    shared: Arc<Shared>,
    mode: Mode,
    /// The state that is read, and when it was chosen.
    at: Option<(Version, Instant)>,
    reads: SessionReads,
    call_count: usize,
    has_failed: bool,
}

impl MemorySession {
    pub(super) fn new(shared: &Arc<Shared>, mode: Mode) -> Self {
        let shared = Arc::clone(shared);
        Self { shared, mode, at: None, reads: SessionReads::default(), call_count: 0, has_failed: false }
    }

    /// Begins a call, at the state of the session. After a failure, every call is one.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Self, &mut State, Version) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        let called = self.ensure_usable(&mut state).and_then(|at| call(self, &mut state, at));
        self.has_failed |= called.is_err();
        called
    }

    fn ensure_usable(&mut self, state: &mut State) -> Result<Version, Failure> {
        if self.has_failed {
            return Err(Failure::Other("a session was used after it had failed".to_owned()));
        }
        self.call_count += 1;
        if self.mode == Mode::One && self.call_count > 1 {
            return Err(Failure::Other("a session of one call was asked for more".to_owned()));
        }
        state.call()?;
        self.shared.deliver_some(state);
        let (at, since) = *self.at.get_or_insert_with(|| (state.open(), Instant::now()));
        let is_late = state.limits.max_age.is_some_and(|limit| since.elapsed() > limit);
        if is_late || at < state.floor { Err(Failure::TooOld) } else { Ok(at) }
    }
}

impl Session for MemorySession {
    fn pin(&mut self) -> Result<(), Failure> {
        if self.at.is_some() && !self.has_failed {
            return Ok(());
        }
        self.call(|_, _, _| Ok(()))
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        self.call(|session, _, at| {
            session.reads.keys.extend(keys.iter().map(|key| key.to_vec()));
            Ok(keys.iter().map(|key| session.shared.versions.get(key, at)).collect())
        })
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        self.call(|session, state, at| {
            let limit = if state.strikes(state.faults.short_pages) {
                usize::try_from(state.below(limit as u64)).unwrap_or(0)
            } else {
                limit
            };
            let mut page = session.shared.versions.page((start, end), limit, reverse, at);
            if limit == 0 {
                // An empty page that is not the last: the scan goes on where it was.
                page.rest = if reverse { end.map(<[u8]>::to_vec) } else { Some(start.to_vec()) };
                if page.rest.is_none() {
                    page = session.shared.versions.page((start, end), 1, reverse, at);
                }
            }
            let (from, to) = match (&page.rest, reverse) {
                (Some(rest), true) => (rest.clone(), end.map(<[u8]>::to_vec)),
                (Some(rest), false) => (start.to_vec(), Some(rest.clone())),
                (None, _) => (start.to_vec(), end.map(<[u8]>::to_vec)),
            };
            session.reads.ranges.push((from, to));
            Ok(page)
        })
    }

    fn commit(mut self: Box<Self>, writes: &Writes, _durability: Durability) -> Result<(), Failure> {
        if self.mode != Mode::Write {
            return Err(Failure::Other("a session that only reads was committed".to_owned()));
        }
        self.call(|session, state, at| {
            state.limits.check(NAME, writes)?;
            let reads = std::mem::take(&mut session.reads);
            match state.commit_fault().filter(|_| !writes.is_empty()) {
                None => return session.shared.apply(state, at, &reads, writes),
                Some(CommitFault::Conflict) => return Err(Failure::Conflict),
                Some(CommitFault::LostBefore) => {}
                Some(CommitFault::LostAfter) => {
                    // Whether it was done is for the caller to find out.
                    let _ = session.shared.apply(state, at, &reads, writes);
                }
                Some(CommitFault::Late) => {
                    // Its state stays open until it arrives.
                    session.at = None;
                    state.late.push(LateCommit { at, reads, writes: writes.clone() });
                }
            }
            state.unknown_count += 1;
            Err(Failure::CommitUnknown("the memory engine has lost the reply on command".to_owned()))
        })
    }
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        if let Some((at, _)) = self.at {
            self.shared.state.lock().close(at);
        }
    }
}
