//! The database: a directory that one process has open, or an engine that many processes share.

mod copy;
mod embedded;
#[cfg(feature = "encryption")]
mod encryption;
mod remote;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::backend::Embedded;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::kv::{Keyspace, WriteBatch};
use crate::table::dynamic::DynamicTable;
use crate::table::{DefaultTable, Snapshot, Store, Table, Transaction, TransactionBody};

pub use copy::{copy, copy_with};

/// An open database. Clones are handles to the same one; it is closed when the last of them, and of
/// its tables, transactions and snapshots, is dropped, or by [`close`](Self::close).
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
///
/// `E` is where the data is: [`Embedded`] in this process, or an engine of
/// [`remote`](crate::remote) that other processes use, too. No other type names it: tables,
/// transactions and snapshots are the same on both.
pub struct Database<E = Embedded> {
    store: Arc<Store>,
    engine: PhantomData<fn() -> E>,
}

impl<E> Database<E> {
    fn over(store: Store) -> Self {
        Self { store: Arc::new(store), engine: PhantomData }
    }

    /// The table of `T`, made when the database has none of its name. The handle can be cloned and
    /// kept.
    ///
    /// [`Error::Schema`](crate::Error::Schema) when the stored table does not fit `T`: the sentence
    /// says what changed. Opening a table for the first time is a commit.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T>> {
        self.store.table()
    }

    /// The table of this name by its stored schema, without its struct: for tools, and for programs
    /// that do not know their tables beforehand. See [`DynamicTable`].
    ///
    /// [`Error::Schema`](crate::Error::Schema) when there is no table of this name. Nothing is made
    /// and nothing written.
    ///
    /// Cost: a look at the catalog.
    pub fn dynamic(&self, name: &str) -> Result<DynamicTable> {
        DynamicTable::open(self.store.source(), name)
    }

    /// The names of the tables in the database, sorted.
    pub fn table_names(&self) -> Result<Vec<String>> {
        self.store.table_names()
    }

    /// Removes a table with all its rows and index entries, in one commit; returns whether there
    /// was one of this name.
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
        self.store.keyspace_names()
    }

    /// Removes a keyspace and all that is in it, in one commit; returns whether there was one of
    /// this name. It goes as a table does: see [`drop_table`](Self::drop_table).
    pub fn drop_keyspace(&self, name: &str) -> Result<bool> {
        self.store.drop_keyspace(name)
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
    /// again, up to a thousand times; transactions that lose often run one at a time. So it should
    /// change nothing but this database. Afterwards, and only then, this is
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
    pub fn transact<R, F: From<Error>>(
        &self,
        body: impl FnMut(&Transaction) -> Result<R, F> + TransactionBody<F>,
    ) -> Result<R, F> {
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
    pub fn transact_with<R, F: From<Error>>(
        &self,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, F> + TransactionBody<F>,
    ) -> Result<R, F> {
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
    pub fn try_transact<R, F: From<Error>>(
        &self,
        body: impl FnMut(&Transaction) -> Result<R, F>,
    ) -> Result<R, F> {
        self.store.transact(self.store.durability(), body)
    }

    /// Like [`try_transact`](Self::try_transact), with a durability of its own.
    pub fn try_transact_with<R, F: From<Error>>(
        &self,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, F>,
    ) -> Result<R, F> {
        self.store.transact(durability, body)
    }

    /// Begins a transaction that is committed, or dropped, by hand: a single attempt.
    pub fn begin(&self) -> Transaction {
        self.store.begin_by_hand()
    }

    /// The state of all tables as it is visible now, for reading as long as it is held.
    ///
    /// Cost: none, until old versions pile up that only the snapshot can see:
    /// [`stats`](Self::stats) tells how many bytes the oldest one holds back, and
    /// [`Builder::snapshot_age_limit`](crate::Builder::snapshot_age_limit) bounds it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.store)
    }
}

impl<E> Clone for Database<E> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), engine: PhantomData }
    }
}

impl<E> fmt::Debug for Database<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("dir", &self.store.dir()).finish_non_exhaustive()
    }
}
