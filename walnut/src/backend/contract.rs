//! The traits that an adapter implements: an engine, and sessions with it.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Failure, Writes};
use crate::engine::Durability;

/// The engine of a [`Database`](crate::Database) that is a directory, or memory, of this process:
/// what [`Database::open`](crate::Database::open) returns.
#[derive(Clone, Copy, Debug)]
pub enum Embedded {}

/// An engine that runs elsewhere: an ordered map from bytes to bytes that many processes share.
///
/// An adapter implements this trait and [`Session`]. Walnut does the rest once for all engines: it
/// lays uncommitted writes over what a session reads, repeats transactions after a conflict, begins
/// again while an engine is unavailable, and finds out whether a commit whose reply was lost has
/// happened.
///
/// Both traits are synchronous. An adapter over an asynchronous client owns its runtime, on threads
/// of its own: it never blocks on a runtime of its caller, and its methods are called from threads
/// of any kind.
///
/// Keys sort as unsigned bytes. Walnut writes keys of at least four bytes, of any content.
pub trait Engine: Send + Sync + fmt::Debug + 'static {
    /// What the engine is and where, for errors: `postgres at 10.0.0.7:5432`. Never a password.
    fn name(&self) -> String;

    /// What the engine refuses because of its size. Walnut checks against it before it sends
    /// anything, and divides work that need not be one commit.
    fn limits(&self) -> Limits;

    /// Begins a session. Sends nothing: an engine that cannot be reached may fail here or at the
    /// first read.
    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure>;
}

/// Reads of one state of the engine, and at most one atomic commit on top of it.
///
/// After a failure a session is dropped: nothing more is asked of it. Dropping it without a commit
/// leaves nothing behind, at whatever point.
pub trait Session: Send {
    /// Chooses the state that is read, at the latest now: it contains every commit that was
    /// acknowledged before this call. Does nothing when something was read already.
    ///
    /// A session that is never pinned chooses its state at its first read, with the same promise.
    fn pin(&mut self) -> Result<(), Failure>;

    /// The values of `keys`, in their order; `None` for a key that has none. One round trip where
    /// the engine permits it. Keys may repeat, and there may be none.
    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure>;

    /// A page of the entries from `start`, inclusive, to `end`, exclusive: those next to `start`,
    /// or with `reverse` those next to `end`, the nearest first. Without an `end` the range is
    /// open.
    ///
    /// At most `limit` entries, which is at least 1; fewer if the engine likes, as long as
    /// [`Page::rest`] says that there may be more.
    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure>;

    /// Makes all writes part of the engine's state, or none. Called only on sessions of
    /// [`Mode::Write`].
    ///
    /// Ok means that the commit is as durable as `durability` asks, or more, and that every session
    /// that begins later sees it. `writes` may be empty: the commit then tells whether what was
    /// read held together, where the engine decides that only at the end. It does not fail because
    /// what was read has changed since: all of it was of one state.
    ///
    /// [`Failure::Conflict`] if a key that is written, or one within a removed range, was changed
    /// since the session's state; with a [`Serializable`] engine also if anything that was read
    /// was, unless the commit can be ordered before that change. An adapter must not take a
    /// positive answer for a commit that the engine has turned into a roll-back.
    fn commit(self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure>;
}

/// What a session is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One call of [`get_many`](Session::get_many) or of [`scan`](Session::scan), then it is
    /// dropped: an engine needs no transaction for it.
    One,
    /// Any number of reads of one state, and no commit.
    Read,
    /// Any number of reads of one state, and one commit.
    Write,
}

/// What an engine refuses because of its size, in bytes and counts. The default refuses nothing.
///
/// ```
/// use std::time::Duration;
/// use walnut::remote::Limits;
///
/// let limits = Limits {
///     key: 10_000,
///     value: 100_000,
///     commit_size: 10_000_000,
///     max_age: Some(Duration::from_secs(5)),
///     ..Limits::default()
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest key.
    pub key: usize,
    /// The longest value.
    pub value: usize,
    /// The keys, values and bounds of ranges of one commit, all together.
    pub commit_size: usize,
    /// The puts, removals and removed ranges of one commit. Walnut adds one put of its own to each
    /// commit, and needs at least 64.
    pub commit_count: usize,
    /// The removed ranges of one commit. Walnut removes key by key where there may be none.
    pub ranges: usize,
    /// How long after its state was chosen a session can read and commit, if that is limited.
    pub max_age: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key: usize::MAX,
            value: usize::MAX,
            commit_size: usize::MAX,
            commit_count: usize::MAX,
            ranges: usize::MAX,
            max_age: None,
        }
    }
}

impl Limits {
    /// [`Failure::TooLarge`] if writes are more than one commit takes; `engine` is named in its
    /// text. An adapter calls this before it sends anything.
    ///
    /// ```
    /// use walnut::remote::{Failure, Limits, Writes};
    ///
    /// let limits = Limits { value: 3, ..Limits::default() };
    /// let mut writes = Writes::new();
    /// writes.put(b"key", b"text");
    /// let text = "here: a value takes 4 bytes, and 3 is the limit";
    /// assert_eq!(limits.check("here", &writes), Err(Failure::TooLarge(text.to_owned())));
    /// ```
    pub fn check(&self, engine: &str, writes: &Writes) -> Result<(), Failure> {
        self.excess(writes).map_or(Ok(()), |text| Err(Failure::TooLarge(format!("{engine}: {text}"))))
    }

    /// What is more than one commit takes, in words.
    pub(super) fn excess(&self, writes: &Writes) -> Option<String> {
        let past = |what: String, limit: usize| Some(format!("{what}, and {limit} is the limit"));
        let range_count = writes.ranges().len();
        if writes.len() > self.commit_count {
            return past(format!("a commit has {} writes", writes.len()), self.commit_count);
        }
        if range_count > self.ranges {
            return past(format!("a commit removes {range_count} ranges"), self.ranges);
        }
        if writes.size() > self.commit_size {
            return past(format!("a commit takes {} bytes", writes.size()), self.commit_size);
        }
        writes.keys().find_map(|(key, value)| {
            let value_size = value.map_or(0, <[u8]>::len);
            if key.len() > self.key {
                past(format!("a key takes {} bytes", key.len()), self.key)
            } else if value_size > self.value {
                past(format!("a value takes {value_size} bytes"), self.value)
            } else {
                None
            }
        })
    }
}

/// A page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys and values in the order of the scan. May be empty although there is more.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the scan goes on: the next `start` of a scan forward, the next `end` of a scan in
    /// reverse. `None` when the scan is at its end.
    pub rest: Option<Vec<u8>>,
}

/// Engines on which transactions are serializable: all of them together have the effect of running
/// one after the other.
///
/// Only on these there is [`Database::transact`](crate::Database::transact).
pub trait Serializable {}

impl Serializable for Embedded {}

/// Engines that read a state of a moment ago from a near replica, without asking the leader.
pub trait StaleReads: Engine {
    /// Begins a session of [`Mode::Read`] whose state is at most `bound` old: it contains every
    /// commit that was acknowledged more than `bound` before this call.
    fn begin_stale(&self, bound: Duration) -> Result<Box<dyn Session>, Failure>;
}

/// Engines that keep history by time.
pub trait TimeTravel: Engine {
    /// Begins a session of [`Mode::Read`] whose state is that of a moment in the past;
    /// [`Failure::TooOld`] when it is no longer kept.
    fn begin_at(&self, at: SystemTime) -> Result<Box<dyn Session>, Failure>;
}
