//! Snapshots: one state of all tables, for reading as long as it is held.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::following::Following;
use super::store::Store;
use super::{ReadOnly, Source};
use crate::backend::{Mode, RemoteScan, RemoteSession};
use crate::base::{KeyRange, SeqNo};
use crate::engine::Moment;
use crate::error::Result;
use crate::mvcc::Pin;
use crate::table::catalog::{self, TableInfo};
use crate::table::dynamic::DynamicTable;
use crate::table::{DefaultTable, Table};
use crate::txn::{EntryReader, EntryScan, RemoteReader, Storage};

/// The state of all tables at the moment when it was made:
/// [`Database::snapshot`](crate::Database::snapshot) returns it, and
/// [`Follower::snapshot`](crate::Follower::snapshot) for a database that is only read.
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
    state: Arc<SnapshotState>,
}

enum SnapshotState {
    /// A snapshot of an open database, kept by a pin.
    Pinned { store: Arc<Store>, pin: Pin },
    /// A refresh of a database that this process only reads, which keeps itself.
    Moment { following: Arc<Following>, moment: Arc<Moment> },
    /// A snapshot of a remote engine, kept by a session.
    Remote { store: Arc<Store>, session: Arc<RemoteSession> },
}

impl Snapshot {
    /// The visible state.
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        match store.storage() {
            Storage::Engine(core) => {
                let (store, pin) = (Arc::clone(store), core.pin_visible());
                Self { state: Arc::new(SnapshotState::Pinned { store, pin }) }
            }
            Storage::Remote(client) => {
                let session = RemoteSession::new(client, Mode::Read);
                session.pin();
                Self::of_session(store, session)
            }
        }
    }

    pub(crate) fn of_session(store: &Arc<Store>, session: RemoteSession) -> Self {
        let (store, session) = (Arc::clone(store), Arc::new(session));
        Self { state: Arc::new(SnapshotState::Remote { store, session }) }
    }

    /// The last refresh.
    pub(crate) fn of_moment(following: &Arc<Following>) -> Self {
        let (following, moment) = (Arc::clone(following), following.engine().moment());
        Self { state: Arc::new(SnapshotState::Moment { following, moment }) }
    }

    pub(crate) fn dir(&self) -> &Path {
        match &*self.state {
            SnapshotState::Pinned { store, .. } | SnapshotState::Remote { store, .. } => store.dir(),
            SnapshotState::Moment { moment, .. } => moment.dir(),
        }
    }

    pub(crate) fn source(&self) -> Source {
        Source::Snapshot(self.clone())
    }

    #[inline(always)]
    pub(super) fn pinned_reads(&self) -> Option<PinnedReads<'_>> {
        match &*self.state {
            SnapshotState::Pinned { store, pin } => Some(PinnedReads { store, pin }),
            SnapshotState::Moment { .. } | SnapshotState::Remote { .. } => None,
        }
    }

    pub(super) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &*self.state {
            SnapshotState::Pinned { store, pin } => PinnedReads { store, pin }.read(reads),
            SnapshotState::Moment { moment, .. } => moment.read(|reader| reads(EntryReader::Engine(reader))),
            SnapshotState::Remote { session, .. } => reads(EntryReader::Remote(RemoteReader::new(session))),
        }
    }

    pub(in crate::table) fn at(&self) -> SeqNo {
        match &*self.state {
            SnapshotState::Pinned { pin, .. } => pin.at(),
            SnapshotState::Moment { moment, .. } => moment.at(),
            SnapshotState::Remote { .. } => SeqNo::ZERO,
        }
    }

    pub(in crate::table) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        match &*self.state {
            SnapshotState::Pinned { store, pin } => {
                store.engine()?.core().scan_at(range, pin).map(EntryScan::Engine)
            }
            SnapshotState::Moment { moment, .. } => Ok(EntryScan::Engine(moment.scan(range))),
            SnapshotState::Remote { session, .. } => {
                Ok(EntryScan::remote(RemoteScan::new(Arc::clone(session), range)))
            }
        }
    }

    pub(super) fn info<T: Table>(&self) -> Result<TableInfo> {
        let stored = self.read(|reader| catalog::in_state(reader, T::SCHEMA.name, self.dir()))?;
        let compiled = match &*self.state {
            SnapshotState::Pinned { store, .. } | SnapshotState::Remote { store, .. } => {
                store.compiled::<T>()
            }
            SnapshotState::Moment { following, .. } => following.compiled::<T>(),
        };
        catalog::past(stored.as_ref(), &compiled)
    }

    /// The table of `T` as it was. The handle only reads, and can be cloned, kept and sent to other
    /// threads.
    ///
    /// A table that was dropped since is readable, and one that did not exist then is empty.
    /// Nothing is written: no table is created, and none is changed to fit the struct. An index of
    /// the struct that did not exist then cannot be read: [`Error::Schema`](crate::Error::Schema).
    ///
    /// [`Error::Schema`](crate::Error::Schema) if the table of then does not fit `T`, as
    /// [`Database::table`](crate::Database::table) says. Cost: a look into the catalog.
    pub fn table<T: Table>(&self) -> Result<DefaultTable<T, ReadOnly>> {
        Ok(DefaultTable::new(Source::Snapshot(self.clone()), Arc::new(self.info::<T>()?)))
    }

    /// The table of this name by its stored schema, as this state has it: see
    /// [`Database::dynamic`](crate::Database::dynamic).
    pub fn dynamic(&self, name: &str) -> Result<DynamicTable<ReadOnly>> {
        DynamicTable::open(Source::Snapshot(self.clone()), name)
    }
}

/// A pinned snapshot of an engine in this process, whose point reads are compiled by themselves:
/// see [`Reads`](super::Reads).
pub(in crate::table) struct PinnedReads<'s> {
    store: &'s Store,
    pin: &'s Pin,
}

impl PinnedReads<'_> {
    #[inline(always)]
    pub(super) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.store.engine()?.read_at(self.pin, |reader| reads(EntryReader::Engine(reader)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("dir", &self.dir()).field("at", &self.at().0).finish_non_exhaustive()
    }
}
