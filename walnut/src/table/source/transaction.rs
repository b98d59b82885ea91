//! Transactions as programs hold them: typed handles that read and write through one transaction.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Source;
use super::store::Store;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::table::catalog::{self, StoredTable, TableInfo};
use crate::table::dynamic::DynamicTable;
use crate::table::{DefaultTable, Table};
use crate::txn::{Savepoint, Txn};

/// A transaction: statements on any number of tables that take effect together or not at all.
///
/// [`Database::transact`](crate::Database::transact) passes one to a closure, commits it, and runs
/// the closure again after a conflict with another commit.
/// [`Database::begin`](crate::Database::begin) returns one that the caller commits. One that is
/// dropped is rolled back: nothing of it was ever written.
///
/// Transactions are **serializable**: the result is one that they would have had one after the
/// other. A transaction reads the state at its beginning, merged with its own writes. It takes no
/// lock; its commit checks whether anything that it read, including rows that did *not* exist, has
/// been changed by another commit since, and is [`Error::Conflict`](crate::Error::Conflict) if so.
/// One that has written nothing is never refused for that, and its commit takes no lock and waits
/// for no sync, unless it has read a commit that is still on its way to the disk.
///
/// What a transaction has read counts once its commit has succeeded. Until then it may rest on
/// another commit that is not durable yet.
///
/// A statement that fails leaves the transaction exactly as it was, and usable. So does one that
/// panics in a closure of yours.
///
/// It keeps its writes and its read set in memory: for many reads without writes there is
/// [`Database::snapshot`](crate::Database::snapshot).
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Error, Table};
/// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
/// # struct User { #[primary_key] id: u64, #[index(unique)] email: String }
/// # let db = Database::in_memory()?;
/// let tx = db.begin();
/// let users = tx.table::<User>()?;
/// users.insert(&User { id: 1, email: "ann@x.org".into() })?;
///
/// let twin = users.insert(&User { id: 2, email: "ann@x.org".into() });
/// let Err(Error::UniqueViolation(violation)) = twin else { panic!("one value, one owner") };
/// assert_eq!(violation.owner::<User>(), Some(1)); // a row of this very transaction
///
/// assert_eq!(users.len()?, 1); // reads see its own writes
/// assert_eq!(db.table::<User>()?.len()?, 0); // nobody else does
/// tx.commit()?;
/// assert_eq!(db.table::<User>()?.len()?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Transaction {
    open: Arc<OpenTransaction>,
    /// One thread at a time ends it, or sets a savepoint.
    not_shared: PhantomData<dyn UsedByOneThread + Send>,
}

/// Is not `Sync`, and has a name that says why.
trait UsedByOneThread {}

/// Shared by a transaction and its handles. Only the transaction ends it; handles then return
/// errors.
pub(crate) struct OpenTransaction {
    pub(super) store: Arc<Store>,
    pub(super) txn: Txn,
}

impl Transaction {
    pub(super) fn new(store: &Arc<Store>, txn: Txn) -> Self {
        let open = Arc::new(OpenTransaction { store: Arc::clone(store), txn });
        Self { open, not_shared: PhantomData }
    }

    pub(super) fn txn(&self) -> &Txn {
        &self.open.txn
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.open.store
    }

    pub(crate) fn source(&self) -> Source {
        Source::Transaction(Arc::clone(&self.open))
    }

    /// The table of `T` within this transaction: of the same type as one of the database, so that a
    /// function which takes a `&DefaultTable<T>` works in and out of transactions. Handles are
    /// cheap, and any number of them can be held at once.
    ///
    /// A handle that is left when the transaction is over, committed or not, keeps nothing of it:
    /// each of its methods is [`Error::TransactionEnded`](crate::Error::TransactionEnded). A scan
    /// that was made before goes on, and shows what the transaction saw then.
    ///
    /// Threads may read through handles of one transaction at the same time. It has one statement
    /// that writes at a time: a second one, in another thread or in a closure of the first, is
    /// [`Error::Unsupported`](crate::Error::Unsupported). A statement of another thread that is not
    /// done when the transaction is committed is no part of it.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, DefaultTable, Error, Result, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// fn add_two(users: &DefaultTable<User>) -> Result<()> {
    ///     users.insert(&User { id: 1 })?;
    ///     users.insert(&User { id: 2 })
    /// }
    ///
    /// let tx = db.begin();
    /// let users = tx.table::<User>()?;
    /// add_two(&users)?; // both or none
    /// tx.commit()?;
    /// assert!(matches!(users.get(1), Err(Error::TransactionEnded)));
    /// assert_eq!(db.table::<User>()?.len()?, 2);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// A table that the database does not have is made at once, in a transaction of its own, as
    /// [`Database::table`](crate::Database::table) does, with its errors. It stays when this
    /// transaction is rolled back.
    ///
    /// A table that was dropped after this transaction had begun is read as it was then. A write to
    /// it is an [`Error::Conflict`](crate::Error::Conflict), after which
    /// [`Database::transact`](crate::Database::transact) runs again.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T>> {
        let info = match self.store().known::<T>() {
            Some(info) if info.made <= self.txn().at() => {
                info.ensure_same::<T>()?;
                info
            }
            // A statement on a remote engine compares the table with the known one in its own
            // snapshot.
            _ if self.txn().session().is_some() => {
                let info = self.store().info::<T>()?;
                self.txn().renew_state();
                info
            }
            _ => self.info_in_state::<T>()?,
        };
        Ok(DefaultTable::new(self.source(), info))
    }

    /// The table of this name by its stored schema, in this transaction: see
    /// [`Database::dynamic`](crate::Database::dynamic).
    pub fn dynamic(&self, name: &str) -> Result<DynamicTable> {
        DynamicTable::open(self.source(), name)
    }

    /// The table of `T` in the snapshot of this transaction, which may be older than the present
    /// table.
    fn info_in_state<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let (name, dir) = (T::SCHEMA.name, self.store().dir());
        // Not in the read set: a drop or a creation of the table changes the rows that are read.
        let stored = self.txn().read_base(|reader| catalog::in_state(reader, name, dir))?;
        let Some(stored) = stored else { return self.store().info::<T>() };
        let is_live = |table: Option<StoredTable>| table.is_some_and(|live| live.rows == stored.rows);
        if is_live(self.store().read_now(|reader| catalog::in_state(reader, name, dir))?) {
            let info = self.store().info::<T>()?;
            if info.rows.0 == stored.rows {
                return Ok(info);
            }
        }
        catalog::past(Some(&stored), &self.store().compiled::<T>()).map(Arc::new)
    }

    /// A mark for [`rollback_to`](Self::rollback_to). Costs nothing; from then on, the transaction
    /// keeps what its writes replace.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// let tx = db.begin();
    /// let users = tx.table::<User>()?;
    /// users.insert(&User { id: 1 })?;
    /// let before = tx.savepoint();
    /// users.insert(&User { id: 2 })?;
    /// tx.rollback_to(before)?;
    /// assert!(users.contains(1)? && !users.contains(2)?);
    /// tx.commit()?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn savepoint(&self) -> Savepoint {
        self.txn().savepoint()
    }

    /// Undoes every write since a savepoint, which can be used again; savepoints that were made
    /// since are gone. What was read since stays in the read set, and can still cause a conflict.
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) for a savepoint that is gone or belongs to
    /// another transaction, and within a closure of one of this transaction's own statements;
    /// nothing is changed then.
    pub fn rollback_to(&self, savepoint: Savepoint) -> Result<()> {
        self.txn().rollback_to(savepoint)
    }

    /// Makes all that was written visible, and durable as the database's default says, or nothing
    /// of it.
    ///
    /// [`Error::Conflict`](crate::Error::Conflict) when another commit changed what this
    /// transaction has read: run it again from its beginning.
    ///
    /// [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld) when it is older than the database's
    /// limit.
    ///
    /// Cost: a comparison for each entry that was committed since the transaction began; if these
    /// are many, instead a look into memory for each key and over each range that was read, while
    /// others commit. Then one write to the log, if anything was written, and what the durability
    /// asks for.
    pub fn commit(self) -> Result<()> {
        let durability = self.store().durability();
        self.commit_with(durability)
    }

    /// Like [`commit`](Self::commit), with a durability of its own.
    pub fn commit_with(self, durability: Durability) -> Result<()> {
        self.txn().commit(durability)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Handles may be left.
        self.txn().roll_back();
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("dir", &self.store().dir())
            .field("txn", self.txn())
            .finish_non_exhaustive()
    }
}

impl OpenTransaction {
    /// An error unless the index with this ordinal can be read in the snapshot of the transaction.
    pub(super) fn ensure_readable<T: Table>(&self, info: &TableInfo, ordinal: usize) -> Result<()> {
        let ready = self.store.ensure_readable::<T>(info, ordinal, Some(self.txn.at()));
        if matches!(ready, Err(Error::Conflict)) {
            self.txn.request_restart();
        }
        ready
    }
}

// `transact` could ask for `FnMut(&Transaction) -> Result<R>` alone. Then a closure with an error
// type of its own would be refused in terms of inference. The only implementation fixes the error
// type of a closure whose body leaves it open.
//
// The return type as a whole could be left open as well, and an async block get a message. But
// then a body without `Ok(())` at its end would be an error for each `?` in it, instead of one.

/// A closure that [`Database::transact`](crate::Database::transact) runs: one that returns a
/// [`Result`](crate::Result) with the error of this library.
#[diagnostic::on_unimplemented(
    message = "the error of a `transact` is a `walnut::Error`, and this body returns a `{E}`",
    label = "the error of this body is of another type",
    note = "call `try_transact`: it takes a body with any error type that is `From<walnut::Error>`"
)]
pub trait TransactionBody<E> {}

impl<F> TransactionBody<Error> for F {}
