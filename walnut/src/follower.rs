//! A database that this process only reads, also while another process writes to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::engine::{EngineFollower, FollowMode, Stats, VerifyReport};
use crate::error::Result;
use crate::kv::Keyspace;
use crate::options::Builder;
use crate::table::{DefaultTable, Following, ReadOnly, Snapshot, Table};

/// A read-only instance of a database (RocksDB: a secondary instance).
///
/// It takes no lock and writes nothing: no file is created, changed, renamed or removed, not even
/// `LOCK`. So it works in a directory without write permission, and another process may have the
/// database open and write to it. It has no method that writes.
///
/// It reads the state that was found by the opening or by the last [`refresh`](Self::refresh),
/// which goes on to the present. Tables and snapshots stay in the state in which they were made,
/// whatever the other process writes, flushes, merges or removes meanwhile, and after later
/// refreshes too; so after a refresh ask for the table again, which costs a look into the catalog.
///
/// The state is what a crash of the writing process would leave at that moment: whole commits, in
/// their order, without a gap. A commit may be in it that the other process has written and not yet
/// made durable. The page about durability says what that means after a power cut.
///
/// Clones are handles of the same instance: a refresh of one is seen by all.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct City { #[primary_key] id: u64, name: String }
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("cities.walnut");
/// let db = Database::open(&path)?; // as a rule in another process
/// db.table::<City>()?.insert(&City { id: 1, name: "Paris".into() })?;
///
/// let follower = Database::follow(&path)?;
/// let before = follower.table::<City>()?;
/// db.table::<City>()?.insert(&City { id: 2, name: "Kyoto".into() })?;
/// assert!(follower.refresh()?);
/// assert_eq!(follower.table::<City>()?.len()?, 2);
/// assert_eq!(before.len()?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
pub struct Follower {
    following: Arc<Following>,
}

impl Follower {
    /// Goes on to the present. Returns whether other commits are visible than before.
    ///
    /// After an error the state of before is what is read, and the next call tries again:
    /// [`Error::Corruption`](crate::Error::Corruption) when a file is damaged or missing,
    /// [`Error::Moved`](crate::Error::Moved) when another database is in the directory,
    /// [`Error::Io`](crate::Error::Io) with
    /// [`ResourceBusy`](std::io::ErrorKind::ResourceBusy) when files were replaced faster than they
    /// could be read, a hundred times in a row.
    ///
    /// The state never goes back to an earlier one, but for commits that the other process could
    /// not make part of the log: their write has failed there, or the power.
    ///
    /// Cost: six files opened when nothing is new. Otherwise the new records of the log are read
    /// and the new files opened; when all of the log that was read before is in sorted files by
    /// now, what is in the log at the moment is read.
    pub fn refresh(&self) -> Result<bool> {
        self.following.engine().refresh()
    }

    /// The state of all tables that was found by the last refresh, for reading as long as it is
    /// held.
    ///
    /// Cost: none; the memory of the log, and the open files, that newer states do not have.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of_moment(&self.following)
    }

    /// The table of `T` as the last refresh has found it; a table that is not there is empty. The
    /// handle only reads, and stays in this state: see [`Snapshot::table`].
    ///
    /// [`Error::Schema`](crate::Error::Schema) when the stored table does not fit `T`.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T, ReadOnly>> {
        self.following.table()
    }

    /// The names of the tables, sorted.
    pub fn table_names(&self) -> Result<Vec<String>> {
        self.following.table_names()
    }

    /// The keyspace of this name in the raw engine, as the last refresh has found it; `None` when
    /// there is none.
    pub fn keyspace(&self, name: &str) -> Result<Option<Keyspace<ReadOnly>>> {
        self.snapshot().keyspace(name)
    }

    /// The names of the keyspaces of the raw engine, sorted.
    pub fn keyspace_names(&self) -> Result<Vec<String>> {
        self.following.keyspace_names()
    }

    /// Reads all sorted files and value files of the state, and compares them, as
    /// [`Database::verify`](crate::Database::verify) does: every checksum, the order of keys, the
    /// digest of each file, and, for the tables that were opened here, rows against index entries.
    /// The log was read, and checked, when the state was found. Other files in the directory are
    /// not looked at.
    ///
    /// [`Error::Corruption`](crate::Error::Corruption) names the first thing that is wrong.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.following.verify()
    }

    /// What the state holds, in numbers. What only a writer has, such as commits, is zero.
    pub fn stats(&self) -> Stats {
        self.following.engine().moment().stats()
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("dir", &self.following.engine().dir()).finish_non_exhaustive()
    }
}

impl Builder {
    /// Opens a database to read it while another process may have it open and write to it. Takes no
    /// lock and writes nothing.
    ///
    /// All files of the state are opened at once and stay open as long as the state is read,
    /// because the other process may remove them: one descriptor for each sorted file and value
    /// file. What is in the log is held in memory: as a rule up to five times the `memtable_size`
    /// of the other process.
    ///
    /// Of the options [`cache_size`](Self::cache_size), [`memtable_size`](Self::memtable_size) and
    /// [`env`](Self::env) have an effect.
    ///
    /// [`Error::NotADatabase`](crate::Error::NotADatabase) when something else is in the directory,
    /// or a database that is not made yet; [`Error::Io`](crate::Error::Io) with
    /// [`NotFound`](std::io::ErrorKind::NotFound) when there is no directory;
    /// [`Error::Corruption`](crate::Error::Corruption) when a file is damaged or missing.
    ///
    /// Cost: opens every file, five reads each, and reads the log.
    pub fn follow(&self, path: impl AsRef<Path>) -> Result<Follower> {
        self.open_to_read(path.as_ref(), FollowMode::Live)
    }

    /// The same options for a database that is only read, and that no process writes to as long as
    /// it is open here: a copy, a backup, an archive on a medium that cannot be written.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct City { #[primary_key] id: u64, name: String }
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("cities.walnut");
    /// # Database::open(&path)?.table::<City>()?.insert(&City { id: 1, name: "Paris".into() })?;
    /// let archive = Database::builder().cache_size(16 << 20).read_only().open(&path)?;
    /// assert_eq!(archive.table::<City>()?.len()?, 1);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn read_only(self) -> ReadOnlyBuilder {
        ReadOnlyBuilder { builder: self }
    }

    fn open_to_read(&self, path: &Path, mode: FollowMode) -> Result<Follower> {
        self.check()?;
        let (env, dir) = self.location(path);
        let engine = EngineFollower::open(&env, &dir, &self.engine_config(), mode)?;
        Ok(Follower { following: Arc::new(Following::new(engine)) })
    }
}

/// Options for a database that is only read: [`Builder::read_only`] returns them.
#[derive(Clone, Debug)]
#[must_use]
pub struct ReadOnlyBuilder {
    builder: Builder,
}

impl ReadOnlyBuilder {
    /// Opens the database in a directory. Takes no lock and writes nothing.
    ///
    /// It differs from [`Builder::follow`] in what it takes for granted: no process writes to the
    /// database meanwhile. So files are opened when they are first read, as many as
    /// [`max_open_files`](Builder::max_open_files) permits, and opening costs the log alone. A file
    /// that another process removes all the same is
    /// [`Error::Corruption`](crate::Error::Corruption), as a lost one is.
    ///
    /// Errors are those of [`Builder::follow`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Follower> {
        self.builder.open_to_read(path.as_ref(), FollowMode::Static)
    }
}
