//! Snapshots: one state of all tables, for reading as long as it is held.

use std::fmt;
use std::sync::Arc;

use super::access::{Access, Reach};
use super::catalog::{self, TableInfo};
use super::store::Store;
use super::{DefaultTable, Table};
use crate::base::KeyRange;
use crate::error::{Error, Fault, Result};
use crate::mvcc::Pin;
use crate::txn::{EntryReader, EntryScan};

/// The state of all tables at the moment when it was made, given by [`Database::snapshot`](crate::Database::snapshot).
///
/// It does not change, whatever is written, flushed or compacted meanwhile, and takes no lock. It keeps
/// old versions of rows from being dropped as long as it, one of its clones, or a table of it lives;
/// [`Stats`](crate::Stats) says how many there are. Clones are the same state.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct User { #[primary_key] id: u64 }
/// # let db = Database::in_memory()?;
/// let users = db.table::<User>()?;
/// users.insert(&User { id: 1 })?;
/// let snapshot = db.snapshot();
/// users.remove(1)?;
/// assert!(snapshot.table::<User>()?.contains(1)?);
/// assert!(!users.contains(1)?);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Snapshot {
    store: Arc<Store>,
    pin: Arc<Pin>,
}

impl Snapshot {
    /// What is visible now.
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), pin: Arc::new(store.engine.pin_visible()) }
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// How its tables and keyspaces are reached.
    pub(crate) fn access(&self) -> InSnapshot {
        InSnapshot { snapshot: self.clone() }
    }

    /// The table of `T` as it was. The handle only reads, and can be cloned, kept and sent to other threads.
    ///
    /// A table that was dropped since is there as it was, and one that did not exist then is empty. Nothing is written: no table is made, and none
    /// is changed to fit the struct. An index of the struct that was not there then cannot be asked: [`Error::Schema`] when it is.
    ///
    /// [`Error::Schema`] when the table of then does not fit `T`, as [`Database::table`](crate::Database::table) says. Cost: a look into
    /// the catalog.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T, InSnapshot>> {
        let access = self.access();
        let dir = self.store.engine.dir();
        let stored = access.read(|reader| catalog::in_state(reader, T::SCHEMA.name, dir))?;
        let info = catalog::past(stored.as_ref(), &self.store.compiled::<T>())?;
        Ok(DefaultTable::new(access, Arc::new(info)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("dir", &self.store.engine.dir())
            .field("at", &self.pin.at().0)
            .finish_non_exhaustive()
    }
}

/// How the tables of a [`Snapshot`] reach the store; the second parameter of [`DefaultTable`]. Methods that write do
/// not compile with it.
#[derive(Clone, Debug)]
pub struct InSnapshot {
    snapshot: Snapshot,
}

impl Access for InSnapshot {}

impl Reach for InSnapshot {
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        let Snapshot { store, pin } = &self.snapshot;
        store.engine.read_at(pin, |reader| reads(EntryReader::Engine(reader)))
    }

    fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        let Snapshot { store, pin } = &self.snapshot;
        store.engine.core().scan_at(range, pin).map(EntryScan::Engine)
    }

    fn ensure_readable<T: Table>(&self, info: &TableInfo, place: usize) -> Result<()> {
        info.ensure_readable(place, Some(self.snapshot.pin.at()))
    }

    fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.snapshot.store.engine.dir(), 0)
    }
}
