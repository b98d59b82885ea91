//! Methods of a database whose engine is in this process: files, log and background work.

use std::path::Path;

use super::Database;
use crate::engine::{BackupCheck, CopyKey, Engine, Stats, VerifyReport};
use crate::error::Result;
use crate::follower::Follower;
use crate::options::Builder;
use crate::table::Store;

impl Database {
    /// Opens the database in a directory with default options, making it when there is none.
    ///
    /// See [`Builder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// A database in memory, gone when it is dropped. No two have a generated `Uuid` in common, and
    /// time passes in it.
    ///
    /// See [`Builder::in_memory`]; for one that does the same in each run of a test, see
    /// [`MemoryEnv::with_seed`](crate::env::MemoryEnv::with_seed).
    pub fn in_memory() -> Result<Self> {
        Self::builder().in_memory()
    }

    /// Opens a database to read it while another process may have it open, with default options.
    ///
    /// See [`Builder::follow`].
    pub fn follow(path: impl AsRef<Path>) -> Result<Follower> {
        Self::builder().follow(path)
    }

    /// Options for a database that is then opened.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Makes every acknowledged commit durable, those of
    /// [`Durability::Fast`](crate::Durability::Fast) too.
    ///
    /// Cost: at most one sync.
    pub fn sync(&self) -> Result<()> {
        self.store.engine()?.sync()
    }

    /// Writes what is in memory to sorted files and releases the log behind it, so that the next
    /// open has nothing to replay. Readers and writers go on meanwhile.
    pub fn checkpoint(&self) -> Result<()> {
        self.store.engine()?.checkpoint()
    }

    /// Merges all sorted files into one run, in which old versions and removed rows take no more
    /// space than their readers need. Not needed in normal use, as compaction goes on by itself;
    /// worth it after most rows were removed, or before the database is copied. Readers and writers
    /// go on meanwhile.
    ///
    /// Cost: reads and writes all data once, and needs as much room again until it is done; nothing
    /// when it is one run already in which nothing is dead. On a disk without that room it frees
    /// what it can in smaller steps, one file at a time, and leaves more than one run;
    /// [`Error::OutOfSpace`](crate::Error::OutOfSpace) when one of those finds no room either.
    /// [`Error::Closed`](crate::Error::Closed) when the database is closed meanwhile; no error
    /// loses anything.
    pub fn compact(&self) -> Result<()> {
        self.store.engine()?.compact()
    }

    /// Does one piece of the work that is otherwise done in the background, and returns whether
    /// there was any: writes a frozen memtable out, or else runs one compaction, or else notes how
    /// far the log is durable. With [`Background::Manual`](crate::Background::Manual) a program
    /// decides so when it happens, and the same calls do the same file operations in the same
    /// order.
    ///
    /// Cost: that of the piece: one file of a memtable's size written, one merge, or one small
    /// write and a sync. After an error everything is as it was.
    pub fn step(&self) -> Result<bool> {
        self.store.engine()?.run_one_job()
    }

    /// Reads everything on disk and compares it: every checksum, the order of keys, the digest of
    /// each file, and, for the tables that this process has opened, rows against index entries, one
    /// to one. Readers and writers go on meanwhile.
    ///
    /// [`Error::Corruption`](crate::Error::Corruption) names the first thing that is wrong.
    ///
    /// Cost: reads every byte once, and looks up every index entry of every row.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.store.verify()
    }

    /// Copies the database into a directory, which must be empty or missing, while readers and
    /// writers go on. The copy holds exactly the commits up to one moment, all that were
    /// acknowledged before the call among them, and opens as a database of its own. Every file is
    /// checked as it is read and again as it lies in the copy; all of it is durable when this
    /// returns.
    ///
    /// [`Error::Io`](crate::Error::Io) with [`AlreadyExists`](std::io::ErrorKind::AlreadyExists)
    /// when the directory is not empty, [`Error::OutOfSpace`](crate::Error::OutOfSpace) when
    /// the copy does not fit, [`Error::Corruption`](crate::Error::Corruption) when a file of the
    /// database is damaged. What an error or a crash leaves in the directory is removed, or is no
    /// database and refused as such. [`preflight`](Self::preflight) says beforehand what is in the
    /// way.
    ///
    /// Cost: what is in memory is written out first; then every byte of the database is read and
    /// written once, and read again.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Note { #[primary_key] id: u64, text: String }
    /// # let dir = tempfile::tempdir().unwrap();
    /// let db = Database::open(dir.path().join("notes.walnut"))?;
    /// db.table::<Note>()?.insert(&Note { id: 1, text: "keep me".into() })?;
    /// let target = dir.path().join("copies/monday.walnut");
    /// db.preflight(&target)?.check()?;
    /// db.backup(&target)?;
    /// assert_eq!(Database::open(&target)?.table::<Note>()?.len()?, 1);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn backup(&self, dir: impl AsRef<Path>) -> Result<()> {
        self.store.engine()?.backup(dir.as_ref(), &CopyKey::Same)
    }

    /// Checks a directory as the target of a copy of this database: what it holds, whether it is
    /// locked and may be written, and whether there is room. Nothing is changed.
    /// [`BackupCheck::check`](crate::report::BackupCheck::check) makes an error of what is in the
    /// way.
    pub fn preflight(&self, dir: impl AsRef<Path>) -> Result<BackupCheck> {
        self.store.engine()?.preflight(dir.as_ref())
    }

    /// What the database holds at the moment, in numbers. Costs no input or output.
    pub fn stats(&self) -> Stats {
        self.store.engine().map(|engine| engine.stats()).unwrap_or_default()
    }

    /// Closes the database: everything acknowledged is durable, and other handles return
    /// [`Error::Closed`](crate::Error::Closed) from now on. Closing again does nothing.
    pub fn close(&self) -> Result<()> {
        self.store.engine()?.close()
    }
}

impl Builder {
    /// Opens the database in a directory, making it (and missing parents) when there is none.
    ///
    /// After a crash this replays the log: everything acknowledged is there.
    ///
    /// The path is looked at once: afterwards the program may change its working directory, and the
    /// database goes along when its directory is renamed. When that is removed, or its file `LOCK`
    /// replaced, every write is [`Error::Moved`](crate::Error::Moved); in a fork of the process it
    /// is [`Error::Forked`](crate::Error::Forked). No other program may touch the directory while
    /// it is open.
    ///
    /// [`Error::Locked`](crate::Error::Locked) when it is open already,
    /// [`Error::NotADatabase`](crate::Error::NotADatabase) when the directory holds something else,
    /// [`Error::Corruption`](crate::Error::Corruption) when a file is damaged or missing; nothing
    /// is changed then.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        self.check()?;
        let (env, dir) = self.location(path.as_ref());
        let engine = Engine::open(env, dir, self.engine_config())?;
        Ok(Database::over(Store::new(engine, self.chosen_durability())))
    }

    /// A database in memory, gone when it is dropped. It works exactly as one on disk, with the
    /// clocks and the randomness of the operating system; one on a
    /// [`MemoryEnv`](crate::env::MemoryEnv) given with [`env`](Self::env) has those of that
    /// machine, which follow from a seed.
    ///
    /// Unless they are set, its [`memtable_size`](Self::memtable_size) is smaller and its
    /// [`log_preallocation`](Self::log_preallocation) zero. It takes a small multiple of the live
    /// data: its sorted files, the log of what is not yet in them, and the blocks that reads keep
    /// in the cache.
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) when a machine was given that is not in
    /// memory, such as [`OsEnv`](crate::env::OsEnv): nothing is written then.
    pub fn in_memory(&self) -> Result<Database> {
        self.check()?;
        let (env, dir) = self.location_in_memory()?;
        let engine = Engine::open(env, dir, self.engine_config_in_memory())?;
        Ok(Database::over(Store::new(engine, self.chosen_durability())))
    }
}
