//! A `Database`, its `Builder` and a machine in memory with the methods that the suites call, for
//! databases on the engine that the crate's `door` opens.
//!
//! What only an embedded database has does nothing here, or what comes nearest: `verify` is
//! `verify_tables`, `checkpoint` returns at once, options are forgotten, and a machine that loses
//! its power loses nothing.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use real::remote::{Failure, Limits, Mode, Page, RemoteOptions, Serializable, Session, Writes};
use real::{Background, Compaction, Compression, Durability, Error, Result, Stats, report};

use crate::door;

/// A number that no other database or machine of this process has.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A database on an engine that runs elsewhere.
#[derive(Clone, Debug)]
pub struct Database {
    inner: real::Database<Watched>,
    open_session_count: Arc<AtomicUsize>,
    /// Last, so that the engine is left when no database uses it any more.
    _place: Arc<Place>,
}

impl Database {
    /// A new one.
    pub fn in_memory() -> Result<Self> {
        Self::builder().in_memory()
    }

    /// The one at a path of this process.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// Options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Compares rows and index entries.
    pub fn verify(&self) -> Result<report::VerifyReport> {
        self.inner.verify_tables()
    }

    /// Nothing: there are no files.
    pub fn checkpoint(&self) -> Result<()> {
        self.inner.table_names().map(drop)
    }

    /// Nothing: there is no compaction.
    pub fn compact(&self) -> Result<()> {
        self.checkpoint()
    }

    /// Nothing: each commit is durable when it is acknowledged.
    pub fn sync(&self) -> Result<()> {
        self.checkpoint()
    }

    /// Nothing: no work is done in the background.
    pub fn step(&self) -> Result<bool> {
        self.checkpoint().map(|()| false)
    }

    /// How many states are held: those that sessions read.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        stats.pinned_count = self.open_session_count.load(Ordering::SeqCst);
        stats
    }

    /// Nothing: the engine stays.
    pub fn close(&self) -> Result<()> {
        self.checkpoint()
    }

    /// Refused: there is nothing to copy.
    pub fn preflight(&self, _dir: impl AsRef<Path>) -> Result<report::BackupCheck> {
        self.checkpoint()?;
        Err(Error::Unsupported("a copy of a directory"))
    }
}

impl Deref for Database {
    type Target = real::Database<Watched>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

/// Where a database lies.
#[derive(Debug)]
struct Place {
    name: String,
    /// Whether nothing can come back to it.
    is_private: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_private {
            door::forget(&self.name);
        }
    }
}

/// Options that a remote database has no use for, but for the durability.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    options: RemoteOptions,
    machine: Option<u64>,
}

/// Options of an embedded database, of which nothing is kept.
macro_rules! forgotten {
    ($($option:ident: $kind:ty;)*) => {$(
        /// Forgotten.
        pub fn $option(self, _option: $kind) -> Self {
            self
        }
    )*};
}

impl Builder {
    forgotten! {
        memtable_size: usize;
        group_window: Duration;
        cache_size: usize;
        background: Background;
        snapshot_age_limit: Duration;
        block_size: usize;
        max_sst_size: u64;
        base_level_size: u64;
        value_log_threshold: usize;
        compaction: Compaction;
        io_limit: u64;
        log_preallocation: u64;
        disk_reserve: usize;
        compression: Compression;
        max_open_files: usize;
        checkpoint_on_close: bool;
    }

    /// The durability of commits.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// The machine whose paths are meant.
    #[expect(clippy::needless_pass_by_value, reason = "as the one that it stands for")]
    pub fn env(mut self, machine: Arc<env::MemoryEnv>) -> Self {
        self.machine = Some(machine.number);
        self
    }

    /// One on an engine of its own.
    pub fn in_memory(&self) -> Result<Database> {
        self.on(Place { name: format!("memory {}", next_number()), is_private: true })
    }

    /// The one at a path of this process, or of the machine.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        let path = path.as_ref().display();
        let name = self.machine.map_or_else(|| path.to_string(), |number| format!("{number}: {path}"));
        self.on(Place { name, is_private: false })
    }

    fn on(&self, place: Place) -> Result<Database> {
        let open_session_count = Arc::default();
        let engine = door::open(&place.name);
        let watched = Watched { engine, open_session_count: Arc::clone(&open_session_count) };
        let inner = real::Database::on_with(watched, &self.options)?;
        Ok(Database { inner, open_session_count, _place: Arc::new(place) })
    }
}

/// Machines: names by which a database is found again.
pub mod env {
    pub use real::env::*;

    /// A machine that a power cut does nothing to, because its databases are elsewhere.
    #[derive(Clone, Debug)]
    pub struct MemoryEnv {
        pub(super) number: u64,
    }

    impl MemoryEnv {
        /// One without a database.
        #[expect(clippy::new_without_default, reason = "as the one that it stands for")]
        pub fn new() -> Self {
            Self { number: super::next_number() }
        }

        /// The same.
        pub fn with_seed(_seed: u64) -> Self {
            Self::new()
        }

        /// The same machine.
        pub fn crash(&self, _policy: CrashPolicy, _seed: u64) -> Self {
            self.clone()
        }

        /// Nothing.
        pub fn power_off_before_next(&self, _operations: Operations, _count: u64) {}
    }
}

/// The engine of the door, whose sessions are counted from their first read to their end.
#[derive(Clone, Debug)]
pub struct Watched {
    engine: door::Engine,
    open_session_count: Arc<AtomicUsize>,
}

impl real::remote::Engine for Watched {
    fn name(&self) -> String {
        self.engine.name()
    }

    fn limits(&self) -> Limits {
        self.engine.limits()
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        let session = self.engine.begin(mode)?;
        Ok(Box::new(WatchedSession { session, reads: None, count: Arc::clone(&self.open_session_count) }))
    }
}

impl Serializable for Watched {}

struct WatchedSession {
    session: Box<dyn Session>,
    /// Counted while there is one.
    reads: Option<Counted>,
    count: Arc<AtomicUsize>,
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl WatchedSession {
    fn reading(&mut self) -> &mut dyn Session {
        self.reads.get_or_insert_with(|| {
            self.count.fetch_add(1, Ordering::SeqCst);
            Counted(Arc::clone(&self.count))
        });
        &mut *self.session
    }
}

impl Session for WatchedSession {
    fn pin(&mut self) -> Result<(), Failure> {
        self.reading().pin()
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        self.reading().get_many(keys)
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        self.reading().scan(start, end, limit, reverse)
    }

    fn commit(self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure> {
        self.session.commit(writes, durability)
    }
}
