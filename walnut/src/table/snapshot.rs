//! Snapshots: one state of all tables, for reading as long as it is held.

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
#[derive(Clone, Debug)]
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
    /// A table that was dropped since is there as it was. One that did not exist then is empty. If it does not exist even now, it is made, as
    /// [`Database::table`](crate::Database::table) does, with its errors.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T, InSnapshot>> {
        let (access, live) = (self.access(), self.store.info::<T>()?);
        let kept = access.read(|reader| catalog::find(reader, &live, self.store.engine.dir()))?;
        Ok(DefaultTable::new(access, kept.map_or(live, Arc::new)))
    }
}

/// How the tables of a [`Snapshot`] reach the store; the second parameter of [`DefaultTable`]. No method that writes
/// exists with it.
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
        let Snapshot { store, pin } = &self.snapshot;
        store.ensure_readable::<T>(info, place, Some(pin.at())).map_err(|error| match error {
            Error::Conflict => info.refusal(format!(
                "the index `{}` was built after this snapshot was made; make another snapshot to ask it",
                info.schema.indexes[place].name
            )),
            error => error,
        })
    }

    fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.snapshot.store.engine.dir(), 0)
    }
}
