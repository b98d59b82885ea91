//! The library under its own name, with a `Database` whose engine is [`Memory`]: what uses it is a
//! test of the embedded database, compiled for a remote one without a change.
//!
//! What only an embedded database has does nothing here, or what comes nearest: `verify` is
//! `verify_tables`, `checkpoint` returns at once, options are forgotten.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use real::env::Env;
use real::remote::{Memory, RemoteOptions};
pub use real::*;

/// The engines that were opened by path.
static ENGINES: Mutex<Option<HashMap<PathBuf, Memory>>> = Mutex::new(None);

/// A database on an engine of its own.
#[derive(Clone, Debug)]
pub struct Database {
    database: real::Database<Memory>,
    engine: Memory,
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
        self.database.verify_tables()
    }

    /// Nothing: there are no files.
    pub fn checkpoint(&self) -> Result<()> {
        self.database.table_names().map(drop)
    }

    /// Nothing: there is no compaction.
    pub fn compact(&self) -> Result<()> {
        self.database.table_names().map(drop)
    }

    /// Nothing: each commit is durable when it is acknowledged.
    pub fn sync(&self) -> Result<()> {
        self.database.table_names().map(drop)
    }

    /// Nothing: no work is done in the background.
    pub fn step(&self) -> Result<bool> {
        self.database.table_names().map(|_| false)
    }

    /// How many states are held: those that sessions read.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        stats.pinned_count = self.engine.open_session_count();
        stats
    }

    /// Nothing: the engine stays.
    pub fn close(&self) -> Result<()> {
        self.database.table_names().map(drop)
    }

    /// Refused: there is nothing to copy.
    pub fn preflight(&self, _dir: impl AsRef<Path>) -> Result<report::BackupCheck> {
        self.database.table_names()?;
        Err(Error::Unsupported("a copy of a directory"))
    }
}

impl Deref for Database {
    type Target = real::Database<Memory>;

    fn deref(&self) -> &Self::Target {
        &self.database
    }
}

/// Options that a remote database has no use for, but for the durability.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    options: RemoteOptions,
}

impl Builder {
    /// The durability of commits.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// Forgotten.
    pub fn memtable_size(self, _size: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn group_window(self, _window: Duration) -> Self {
        self
    }

    /// Forgotten.
    pub fn cache_size(self, _size: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn background(self, _background: Background) -> Self {
        self
    }

    /// Forgotten.
    pub fn snapshot_age_limit(self, _limit: Duration) -> Self {
        self
    }

    /// Forgotten.
    pub fn env(self, _env: Arc<dyn Env>) -> Self {
        self
    }

    /// Forgotten.
    pub fn block_size(self, _option: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn max_sst_size(self, _option: u64) -> Self {
        self
    }

    /// Forgotten.
    pub fn base_level_size(self, _option: u64) -> Self {
        self
    }

    /// Forgotten.
    pub fn value_log_threshold(self, _option: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn compaction(self, _option: Compaction) -> Self {
        self
    }

    /// Forgotten.
    pub fn io_limit(self, _option: u64) -> Self {
        self
    }

    /// Forgotten.
    pub fn log_preallocation(self, _option: u64) -> Self {
        self
    }

    /// Forgotten.
    pub fn disk_reserve(self, _option: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn compression(self, _option: Compression) -> Self {
        self
    }

    /// Forgotten.
    pub fn max_open_files(self, _option: usize) -> Self {
        self
    }

    /// Forgotten.
    pub fn checkpoint_on_close(self, _option: bool) -> Self {
        self
    }

    /// One on an engine of its own.
    pub fn in_memory(&self) -> Result<Database> {
        self.on(Memory::new())
    }

    /// The one at a path of this process.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = engines.get_or_insert_default().entry(path.as_ref().to_owned()).or_default().clone();
        self.on(engine)
    }

    fn on(&self, engine: Memory) -> Result<Database> {
        let database = real::Database::on_with(engine.clone(), &self.options)?;
        Ok(Database { database, engine })
    }
}
