//! The reference engine: a multi-version map in memory that behaves as the contract says, and fails
//! on command.
//!
//! 1. Commits are numbered. A session reads the state after the last commit at its first read.
//! 2. A commit is validated and applied under one lock: it conflicts if a key that the session has
//!    read or writes, or one within a range that it has read or removes, has a newer version.
//! 3. Versions that no open session reads are dropped when their key is written.
//! 4. What fails, and when, follows from the seed and the order of calls.

mod faults;
mod session;
mod state;
mod versions;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

pub use faults::Faults;
use session::MemorySession;
use state::{CommitFault, Shared, State};
use versions::VersionMap;

use super::{Engine, Failure, Limits, Mode, Serializable, Session, StaleReads};
use crate::sync::{Arc, Mutex};

/// What errors name as the engine.
const NAME: &str = "a memory engine";

/// An engine in the memory of this process, for tests of programs that run on a remote engine: it
/// behaves as the contract of [`Engine`] says, and loses replies, delays commits and fails on
/// command. Clones are clients of the same data.
///
/// ```
/// use walnut::remote::{Faults, Memory};
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct Note { #[primary_key] id: u64 }
///
/// let engine = Memory::with_seed(7);
/// let (one, other) = (Database::on(engine.clone())?, Database::on(engine.clone())?);
/// engine.set_faults(Faults { lost_after: 500, ..Faults::default() }); // of each 1,000 replies to commits
/// one.table::<Note>()?.insert(&Note { id: 1 })?;
/// assert!(other.table::<Note>()?.contains(1)?);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// An empty one, whose faults follow from a seed.
    pub fn with_seed(seed: u64) -> Self {
        let state = State {
            last: 0,
            open: BTreeMap::new(),
            floor: 0,
            limits: Limits::default(),
            faults: Faults::default(),
            is_reachable: true,
            late: Vec::new(),
            script: VecDeque::new(),
            random: seed,
            call_count: 0,
            unknown_count: 0,
        };
        Self { shared: Arc::new(Shared { versions: VersionMap::default(), state: Mutex::new(state) }) }
    }

    /// Sets what it refuses from now on because of its size. Databases ask for the limits when they
    /// are opened.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.state.lock().limits = limits;
    }

    /// Sets how often it fails from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.state.lock().faults = faults;
    }

    /// Sets whether it can be reached: if not, every call is [`Failure::Unavailable`].
    pub fn set_reachable(&self, is_reachable: bool) {
        self.shared.state.lock().is_reachable = is_reachable;
    }

    /// Loses the reply to the next commit: which is done, or is not, as `is_done` says.
    pub fn lose_next_reply(&self, is_done: bool) {
        let fault = if is_done { CommitFault::LostAfter } else { CommitFault::LostBefore };
        self.shared.state.lock().script.push_back(fault);
    }

    /// Holds the next commit back until [`deliver`](Self::deliver), and loses its reply.
    pub fn delay_next_commit(&self) {
        self.shared.state.lock().script.push_back(CommitFault::Late);
    }

    /// Has all commits arrive that were held back, and returns how many of them were done: those
    /// that did not conflict.
    pub fn deliver(&self) -> usize {
        let mut state = self.shared.state.lock();
        let late = std::mem::take(&mut state.late);
        late.into_iter().filter(|late| self.shared.arrive(&mut state, late).is_ok()).count()
    }

    /// Forgets the states that are read now: sessions that have read something are
    /// [`Failure::TooOld`] from now on.
    pub fn expire_sessions(&self) {
        let mut state = self.shared.state.lock();
        // A version that is not a commit's tells the states before from the state after.
        state.last += 1;
        state.floor = state.last;
    }

    /// The number of reads and commits that it was asked for: round trips, with a real engine.
    pub fn call_count(&self) -> u64 {
        self.shared.state.lock().call_count
    }

    /// The number of commits whose reply was lost.
    pub fn unknown_count(&self) -> u64 {
        self.shared.state.lock().unknown_count
    }

    /// The number of sessions that have read something and were not ended.
    pub fn open_session_count(&self) -> usize {
        self.shared.state.lock().open.values().sum()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine for Memory {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn limits(&self) -> Limits {
        self.shared.state.lock().limits
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(MemorySession::new(&self.shared, mode)))
    }
}

impl Serializable for Memory {}

impl StaleReads for Memory {
    fn begin_stale(&self, _bound: Duration) -> Result<Box<dyn Session>, Failure> {
        // The newest state is not too old, whatever the bound.
        self.begin(Mode::Read)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("Memory")
            .field("last", &state.last)
            .field("faults", &state.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
