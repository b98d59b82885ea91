//! Snapshots: one state of all tables, for reading as long as it is held.

use std::fmt;
use std::sync::Arc;

use super::catalog;
use super::source::{ReadOnly, Reads, Source};
use super::store::Store;
use super::{DefaultTable, Table};
use crate::base::{KeyRange, SeqNo};
use crate::error::Result;
use crate::mvcc::Pin;
use crate::txn::{EntryReader, EntryScan};

/// The state of all tables at the moment when it was made, given by
/// [`Database::snapshot`](crate::Database::snapshot).
///
/// It does not change, whatever is written, flushed or compacted meanwhile, and takes no lock. It
/// keeps old versions of rows from being dropped as long as it, one of its clones, or a table of it
/// lives; [`Stats`](crate::Stats) says how many there are. Clones are the same state.
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
    state: Arc<State>,
}

/// What clones and tables of a snapshot share.
struct State {
    store: Arc<Store>,
    pin: Pin,
}

impl Snapshot {
    /// What is visible now.
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self { state: Arc::new(State { store: Arc::clone(store), pin: store.engine.pin_visible() }) }
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.state.store
    }

    pub(super) fn at(&self) -> SeqNo {
        self.state.pin.at()
    }

    /// A scan over the state.
    pub(super) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        let State { store, pin } = &*self.state;
        store.engine.core().scan_at(range, pin).map(EntryScan::Engine)
    }

    /// The table of `T` as it was. The handle only reads, and can be cloned, kept and sent to other
    /// threads.
    ///
    /// A table that was dropped since is there as it was, and one that did not exist then is empty.
    /// Nothing is written: no table is made, and none is changed to fit the struct. An index of the
    /// struct that was not there then cannot be asked: [`Error::Schema`](crate::Error::Schema) when
    /// it is.
    ///
    /// [`Error::Schema`](crate::Error::Schema) when the table of then does not fit `T`, as
    /// [`Database::table`](crate::Database::table) says. Cost: a look into the catalog.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T, ReadOnly>> {
        let store = self.store();
        let stored = self.read(|reader| catalog::in_state(reader, T::SCHEMA.name, store.engine.dir()))?;
        let info = catalog::past(stored.as_ref(), &store.compiled::<T>())?;
        Ok(DefaultTable::new(Source::Snapshot(self.clone()), Arc::new(info)))
    }
}

impl Reads for Snapshot {
    #[inline(always)]
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        let State { store, pin } = &*self.state;
        store.engine.read_at(pin, |reader| reads(EntryReader::Engine(reader)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("dir", &self.store().engine.dir())
            .field("at", &self.at().0)
            .finish_non_exhaustive()
    }
}
