//! The database: a directory that one process has open.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::engine::{Durability, Engine, Preflight, Stats, Verified};
use crate::error::{Error, Result};
use crate::kv::{Keyspace, WriteBatch};
use crate::options::Builder;
use crate::table::{DefaultTable, Snapshot, Store, Table, Transaction, TransactionBody};

/// An open database. Clones are handles to the same one; it is closed when the last of them, and of
/// the tables, transactions and snapshots that it gave, is dropped, or by [`close`](Self::close).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walnut::{Database, Table};
///
/// #[derive(Table, Serialize, Deserialize)]
/// struct Note {
///     #[primary_key]
///     id: u64,
///     text: String,
/// }
///
/// let dir = tempfile::tempdir().unwrap();
/// let db = Database::open(dir.path().join("notes.walnut"))?;
/// let notes = db.table::<Note>()?;
/// notes.insert(&Note { id: 1, text: "a walnut is a drupe".into() })?;
/// assert_eq!(notes.len()?, 1);
/// db.close()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
pub struct Database {
    store: Arc<Store>,
}

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

    /// Options for a database that is then opened.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The table of `T`, made when the database has none of its name. The handle can be cloned and
    /// kept.
    ///
    /// [`Error::Schema`](crate::Error::Schema) when the stored table does not fit `T`: the sentence
    /// says what changed. Opening a table for the first time is a commit.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T>> {
        self.store.table()
    }

    /// The names of the tables in the database, sorted.
    pub fn table_names(&self) -> Result<Vec<String>> {
        self.store.table_names()
    }

    /// Removes a table with all its rows and index entries, in one commit; says whether there was
    /// one of this name.
    ///
    /// Handles of it that are still there find it empty, and refuse to write:
    /// [`Error::Dropped`](crate::Error::Dropped). The name is free at once, for a struct of any
    /// form. Snapshots and scans that were there before see what they saw.
    ///
    /// Cost: that of a small commit, whatever the table's size. Its space comes back soon after,
    /// when it is flushed: files that hold nothing else are removed unread.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Error, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # #[table(name = "users")]
    /// # struct User { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// let users = db.table::<User>()?;
    /// users.insert(&User { id: 1 })?;
    /// assert!(db.drop_table("users")?);
    /// assert!(matches!(users.insert(&User { id: 2 }), Err(Error::Dropped)));
    /// assert!(db.table::<User>()?.is_empty()?); // a new one
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn drop_table(&self, name: &str) -> Result<bool> {
        self.store.drop_table(name)
    }

    /// The keyspace of this name in the raw engine, made when there is none. The handle can be
    /// cloned and kept. See [`kv`](crate::kv).
    ///
    /// Names of keyspaces and of tables have nothing to do with each other.
    /// [`Error::Unsupported`](crate::Error::Unsupported) for a name that is empty or longer than
    /// 255 bytes. Making a keyspace is a commit.
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        Keyspace::open(&self.store, name)
    }

    /// The names of the keyspaces of the raw engine, sorted.
    pub fn keyspace_names(&self) -> Result<Vec<String>> {
        self.store.space_names()
    }

    /// Removes a keyspace and all that is in it, in one commit; says whether there was one of this
    /// name. It goes as a table does: see [`drop_table`](Self::drop_table).
    pub fn drop_keyspace(&self, name: &str) -> Result<bool> {
        self.store.drop_space(name)
    }

    /// Makes a batch of writes to keyspaces happen, all of it or nothing, durable as the database's
    /// default says.
    ///
    /// [`Error::Dropped`](crate::Error::Dropped) when one of them was dropped,
    /// [`Error::Limit`](crate::Error::Limit) when it is too much for one commit; nothing is written
    /// then. Cost: one write to the log, and what the durability asks for.
    pub fn write(&self, batch: WriteBatch) -> Result<()> {
        self.write_with(self.store.durability(), batch)
    }

    /// Like [`write`](Self::write), with a durability of its own.
    pub fn write_with(&self, durability: Durability, batch: WriteBatch) -> Result<()> {
        batch.commit(&self.store, durability)
    }

    /// Runs `body` in a transaction and commits it, durable as the database's default says. All
    /// that it does, on any number of tables, takes effect together or not at all.
    ///
    /// When another commit changed what `body` has read, nothing of it was done, and it is run
    /// again, up to a thousand times; those who lose often take turns. So it should change nothing
    /// but this database. Afterwards, and only then, this is
    /// [`Error::Conflict`](crate::Error::Conflict) of its own.
    ///
    /// Any error that `body` returns, a conflict too, ends it at once: everything is rolled back,
    /// and the error is returned as it is. [`Error::abort`](crate::Error::abort) makes one of a
    /// reason of yours. Before anything is answered, what was read is made as durable as the answer
    /// is to be, if `body` has tried to write; a failure of that comes first. A panic rolls back,
    /// too.
    ///
    /// Handles of the database ([`Database::table`]) do not take part in the transaction, even when
    /// they are used in `body`; those of [`Transaction::table`] do. They read, and write what the
    /// transaction does not read. A transaction that writes, and has read what its own body changes
    /// through such a handle or in a transaction within it, would lose to itself each time:
    /// [`Error::SelfConflict`](crate::Error::SelfConflict) after the first run, and the handle's
    /// write stays. What other threads write meanwhile is a conflict like any other.
    ///
    /// For errors of a type of your own see [`try_transact`](Self::try_transact).
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Error, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Account { #[primary_key] id: u64, balance: i64 }
    /// # let db = Database::in_memory()?;
    /// # db.table::<Account>()?.insert_many(&[Account { id: 1, balance: 70 }, Account { id: 2, balance: 0 }])?;
    /// #[derive(Debug)]
    /// struct TooPoor;
    ///
    /// let left = db.transact(|tx| {
    ///     let accounts = tx.table::<Account>()?;
    ///     let payer = accounts.modify(1, |account| account.balance -= 30)?.ok_or(Error::NotFound)?;
    ///     if payer.balance < 0 {
    ///         return Err(Error::abort(TooPoor));
    ///     }
    ///     accounts.modify(2, |account| account.balance += 30)?;
    ///     Ok(payer.balance)
    /// })?;
    /// assert_eq!(left, 40);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn transact<R, E: From<Error>>(
        &self,
        body: impl FnMut(&Transaction) -> Result<R, E> + TransactionBody<E>,
    ) -> Result<R, E> {
        self.store.transact(self.store.durability(), body)
    }

    /// Like [`transact`](Self::transact), with a durability of its own.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Durability, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Visit { #[primary_key] page: String, count: u64 }
    /// # let db = Database::in_memory()?;
    /// db.transact_with(Durability::Fast, |tx| {
    ///     let visits = tx.table::<Visit>()?;
    ///     let count = visits.get("index")?.map_or(0, |visit| visit.count);
    ///     visits.upsert(&Visit { page: "index".into(), count: count + 1 })
    /// })?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn transact_with<R, E: From<Error>>(
        &self,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, E> + TransactionBody<E>,
    ) -> Result<R, E> {
        self.store.transact(durability, body)
    }

    /// Like [`transact`](Self::transact), for a `body` whose error is of a type of its own, into
    /// which those of the database can be made. Every error of `body` rolls back and is returned as
    /// it is.
    ///
    /// A transaction that lost to another commit is run again, whatever `body` made of an error
    /// that it met: the library remembers that by itself.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Account { #[primary_key] id: u64, balance: i64 }
    /// # let db = Database::in_memory()?;
    /// # db.table::<Account>()?.insert(&Account { id: 1, balance: 20 })?;
    /// #[derive(Debug)]
    /// enum Refused {
    ///     TooPoor { missing: i64 },
    ///     Database(walnut::Error),
    /// }
    ///
    /// impl From<walnut::Error> for Refused {
    ///     fn from(error: walnut::Error) -> Self {
    ///         Self::Database(error)
    ///     }
    /// }
    ///
    /// let outcome = db.try_transact(|tx| {
    ///     let accounts = tx.table::<Account>()?;
    ///     let payer = accounts.modify(1, |account| account.balance -= 30)?;
    ///     match payer.map_or(0, |payer| payer.balance) {
    ///         balance if balance < 0 => Err(Refused::TooPoor { missing: -balance }),
    ///         balance => Ok(balance),
    ///     }
    /// });
    /// assert!(matches!(outcome, Err(Refused::TooPoor { missing: 10 })));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn try_transact<R, E: From<Error>>(
        &self,
        body: impl FnMut(&Transaction) -> Result<R, E>,
    ) -> Result<R, E> {
        self.store.transact(self.store.durability(), body)
    }

    /// Like [`try_transact`](Self::try_transact), with a durability of its own.
    pub fn try_transact_with<R, E: From<Error>>(
        &self,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, E>,
    ) -> Result<R, E> {
        self.store.transact(durability, body)
    }

    /// Begins a transaction that is committed, or dropped, by hand: a single attempt.
    pub fn begin(&self) -> Transaction {
        self.store.begin()
    }

    /// The state of all tables as it is visible now, for reading as long as it is held.
    ///
    /// Cost: none, until old versions pile up that only the snapshot can see:
    /// [`stats`](Self::stats) tells how many bytes the oldest one holds back, and
    /// [`Builder::snapshot_age_limit`] bounds it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.store)
    }

    /// Makes every acknowledged commit durable, those of
    /// [`Durability::Fast`](crate::Durability::Fast) too.
    ///
    /// Cost: at most one sync.
    pub fn sync(&self) -> Result<()> {
        self.store.engine.sync()
    }

    /// Writes what is in memory to sorted files and releases the log behind it, so that the next
    /// open has nothing to replay. Readers and writers go on meanwhile.
    pub fn checkpoint(&self) -> Result<()> {
        self.store.engine.checkpoint()
    }

    /// Merges all sorted files into one run, in which old versions and removed rows take no more
    /// space than those who still read them need. Not needed in normal use, as compaction goes on
    /// by itself; worth it after most rows were removed, or before the database is copied. Readers
    /// and writers go on meanwhile.
    ///
    /// Cost: reads and writes all data once, and needs as much room again until it is done; nothing
    /// when it is one run already in which nothing is dead. On a disk without that room it gives
    /// back what it can with smaller steps, one file at a time, and leaves more than one run;
    /// [`Error::OutOfSpace`](crate::Error::OutOfSpace) when one of those finds no room either.
    /// [`Error::Closed`](crate::Error::Closed) when the database is closed meanwhile; no error
    /// loses anything.
    pub fn compact(&self) -> Result<()> {
        self.store.engine.compact()
    }

    /// Does one piece of the work that is otherwise done in the background, and says whether there
    /// was any: writes a frozen memtable out, or else runs one compaction, or else notes how far
    /// the log is durable. With [`Background::Manual`](crate::Background::Manual) a program decides
    /// so when it happens, and the same calls do the same file operations in the same order.
    ///
    /// Cost: that of the piece: one file of a memtable's size written, one merge, or one small
    /// write and a sync. After an error everything is as it was.
    pub fn step(&self) -> Result<bool> {
        self.store.engine.run_one_job()
    }

    /// Reads everything on disk and compares it: every checksum, the order of keys, the digest of
    /// each file, and, for the tables that this process has opened, rows against index entries, one
    /// to one. Readers and writers go on meanwhile.
    ///
    /// [`Error::Corruption`](crate::Error::Corruption) names the first thing that is wrong.
    ///
    /// Cost: reads every byte once, and looks up every index entry of every row.
    pub fn verify(&self) -> Result<Verified> {
        self.store.verify()
    }

    /// Copies the database into a directory, which must be empty or missing, while readers and
    /// writers go on. The copy holds exactly the commits up to one moment, all that were
    /// acknowledged before the call among them, and opens as a database of its own. Every file is
    /// checked as it is read and again as it lies in the copy; all of it is durable when this
    /// returns.
    ///
    /// [`Error::Io`](crate::Error::Io) with [`AlreadyExists`](std::io::ErrorKind::AlreadyExists)
    /// when something stands in the directory, [`Error::OutOfSpace`](crate::Error::OutOfSpace) when
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
        self.store.engine.backup(dir.as_ref())
    }

    /// Looks at a directory as a place for a copy of this database: what stands there, whether it
    /// is locked and may be written, and whether there is room. Nothing is changed.
    /// [`Preflight::check`](crate::Preflight::check) makes an error of what is in the way.
    pub fn preflight(&self, dir: impl AsRef<Path>) -> Result<Preflight> {
        self.store.engine.preflight(dir.as_ref())
    }

    /// What the database holds at the moment, in numbers. Costs no input or output.
    pub fn stats(&self) -> Stats {
        self.store.engine.stats()
    }

    /// Closes the database: everything acknowledged is durable, and other handles give
    /// [`Error::Closed`](crate::Error::Closed) from now on. Closing again does nothing.
    pub fn close(&self) -> Result<()> {
        self.store.engine.close()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("dir", &self.store.engine.dir()).finish_non_exhaustive()
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
    /// is [`Error::Forked`](crate::Error::Forked). Nobody else may touch the directory while it is
    /// open.
    ///
    /// [`Error::Locked`](crate::Error::Locked) when it is open already,
    /// [`Error::NotADatabase`](crate::Error::NotADatabase) when something else stands there,
    /// [`Error::Corruption`](crate::Error::Corruption) when a file is damaged or missing; nothing
    /// is changed then.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        self.check()?;
        let (env, dir) = self.location(path.as_ref());
        let engine = Engine::open(env, dir, self.engine_config())?;
        Ok(Database { store: Arc::new(Store::new(engine, self.chosen_durability())) })
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
        Ok(Database { store: Arc::new(Store::new(engine, self.chosen_durability())) })
    }
}
