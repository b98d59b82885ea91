//! A database's end of an engine that runs elsewhere: its limits, how long it is waited for, and
//! the slots of its commits.
//!
//! ```text
//!   00000000 'c' client slot   -> the number of the last commit of the slot, u64 little-endian; marked if it may be gone: see `gone`
//! ```
//!
//! 1. A client is one open database of one process, and has a number of its own. A slot is used by
//!    one session at a time.
//! 2. A session takes its slot before its state is chosen, so the state has the slot's last commit.
//! 3. Every commit writes its slot, with a number one higher than the last: see `fate`.
//! 4. A slot whose last commit is unknown for good is never used again.

use std::any::Any;
use std::fmt;
use std::time::{Duration, Instant};

use super::{Engine, Failure, Limits, Writes};
use crate::base::KeyspaceId;
use crate::engine::Durability;
use crate::env::{Env, OsEnv};
use crate::error::{Error, Limit, RemoteError, Result};
use crate::sync::{Arc, Condvar, Mutex};

/// The letter of slots in the catalog.
pub(crate) const SLOT: u8 = b'c';

/// The parts into which what many clients read is divided, so that no key is hot for all of them.
pub(crate) const SHARD_COUNT: u8 = 16;

/// The longest pause before an engine is asked again; the first is a hundredth of it.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The fewest writes of a commit that an engine must accept.
const LEAST_COMMIT_COUNT: usize = 64;

/// How a database uses an engine elsewhere.
///
/// ```
/// use std::time::Duration;
/// use walnut::Database;
/// use walnut::remote::{Memory, RemoteOptions};
///
/// let mut options = RemoteOptions::default();
/// options.patience = Duration::from_secs(60);
/// let db = Database::on_with(Memory::new(), &options)?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// How long an engine that cannot be reached is asked again before a statement, a transaction
    /// or a commit is an error. Default 10 seconds.
    pub patience: Duration,
    /// The durability of commits that name none. Default
    /// [`Durability::Safe`](crate::Durability::Safe).
    pub durability: Durability,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), durability: Durability::Safe }
    }
}

/// A database's end of an engine.
pub(crate) struct Client {
    engine: Arc<dyn Engine>,
    /// The same, of its own type.
    typed: Arc<dyn Any + Send + Sync>,
    name: String,
    limits: Limits,
    /// How long an engine that cannot be reached is waited for.
    patience: Duration,
    env: Box<dyn Env>,
    /// The number of this client, in the bytes of its keys.
    number: [u8; 8],
    slots: Mutex<ClientSlots>,
    /// Since when the engine could not be reached.
    down_since: Mutex<Option<Instant>>,
    pausing: (Mutex<()>, Condvar),
}

#[derive(Default)]
struct ClientSlots {
    free: Vec<CommitSlot>,
    next: u32,
}

/// The right to one commit at a time; the number is that of its last one.
#[derive(Debug)]
pub(super) struct CommitSlot {
    number: u32,
    pub(super) last: u64,
}

impl Client {
    pub(crate) fn new<E: Engine>(engine: E, patience: Duration) -> Result<Self> {
        let engine = Arc::new(engine);
        let (name, limits) = (engine.name(), engine.limits());
        if limits.commit_count < LEAST_COMMIT_COUNT {
            return Err(Error::Unsupported("an engine whose commits take fewer than 64 writes"));
        }
        let (env, mut number) = (OsEnv::new(), [0; 8]);
        env.fill_random(&mut number);
        Ok(Self {
            typed: Arc::clone(&engine) as Arc<dyn Any + Send + Sync>,
            engine,
            name,
            limits,
            patience,
            env: Box::new(env),
            number,
            slots: Mutex::default(),
            down_since: Mutex::default(),
            pausing: (Mutex::default(), Condvar::default()),
        })
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// The engine as an `E`, if it is one.
    pub(crate) fn typed<E: Engine>(&self) -> Option<&E> {
        self.typed.downcast_ref()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The shard of this client, below [`SHARD_COUNT`].
    pub(crate) fn shard(&self) -> u8 {
        self.number[0] % SHARD_COUNT
    }

    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        self.env.random() % limit.max(1)
    }

    /// The time since the Unix epoch, and random bits.
    pub(crate) fn moment(&self) -> (Duration, u128) {
        let mut bytes = [0; 16];
        self.env.fill_random(&mut bytes);
        (self.env.wall_clock(), u128::from_le_bytes(bytes))
    }

    pub(crate) fn error(&self, failure: &Failure) -> Error {
        let told = |text: &String| RemoteError::new(&self.name, text.clone());
        match failure {
            Failure::Conflict => Error::Conflict,
            Failure::TooOld => Error::SnapshotTooOld,
            Failure::Unavailable(text) => Error::Unavailable(told(text)),
            Failure::CommitUnknown(text) => Error::CommitUnknown(told(text)),
            Failure::TooLarge(text) => Error::Limit(Limit::Remote(told(text))),
            Failure::Refused(text) | Failure::Other(text) => Error::Remote(told(text)),
        }
    }

    pub(super) fn take_slot(&self) -> CommitSlot {
        let mut slots = self.slots.lock();
        slots.free.pop().unwrap_or_else(|| {
            let number = slots.next;
            // So many slots would be so many sessions at one time.
            slots.next = number.wrapping_add(1);
            CommitSlot { number, last: 0 }
        })
    }

    pub(super) fn return_slot(&self, slot: CommitSlot) {
        self.slots.lock().free.push(slot);
    }

    pub(super) fn slot_key(&self, slot: &CommitSlot) -> Vec<u8> {
        [&KeyspaceId::CATALOG.prefix()[..], &[SLOT], &self.number, &slot.number.to_be_bytes()].concat()
    }

    /// Notes that the engine has answered.
    pub(super) fn answered(&self) {
        *self.down_since.lock() = None;
    }

    /// Notes that the engine could not be reached; returns whether it is to be asked again.
    pub(crate) fn is_patient(&self) -> bool {
        let mut since = self.down_since.lock();
        since.get_or_insert_with(Instant::now).elapsed() < self.patience
    }

    /// When an engine that cannot be reached from now on has been waited for long enough.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Waits before the engine is asked for the `round`-th time again: about twice as long each
    /// time, up to [`LONGEST_PAUSE`], and never as long as another client.
    pub(crate) fn pause(&self, round: u32) {
        let longest = LONGEST_PAUSE.min((LONGEST_PAUSE / 100) * 2u32.saturating_pow(round.min(16)));
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        let pause = Duration::from_nanos(nanos / 2 + self.random_below(nanos / 2 + 1));
        let (lock, never) = &self.pausing;
        drop(never.wait_for(lock.lock(), pause));
    }

    /// An error if a commit is larger than the engine accepts.
    pub(super) fn ensure_within(&self, writes: &Writes) -> Result<()> {
        let refused = |text| Err(Error::Limit(Limit::Remote(RemoteError::new(&self.name, text))));
        self.limits.excess(writes).map_or(Ok(()), refused)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("engine", &self.name).finish_non_exhaustive()
    }
}
