//! A database: the engine with its open tables.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Source;
use crate::backend::{Client, Mode, RemoteScan, RemoteSession};
use crate::base::{KeyRange, KeyspaceId, SeqNo};
use crate::engine::{Durability, Engine, VerifyReport};
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::table::catalog::keyspaces::OpenKeyspace;
use crate::table::catalog::{self, Compiled, OpenedTable, TableInfo};
use crate::table::maintenance::build;
use crate::table::maintenance::trial;
use crate::table::maintenance::verify;
use crate::table::maintenance::verify::Findings;
use crate::table::write::key_sequence::KeySequence;
use crate::table::write::row_count::RowCount;
use crate::table::write::row_locks::RowLocks;
use crate::table::{DefaultTable, Table, Transaction};
use crate::txn::{
    EntryReader, EntryScan, RemoteReader, RetryQueue, Storage, Txn, UniqueReservations, run_with_retries,
};

/// Shared by the handles of one database.
pub(crate) struct Store {
    backend: StoreBackend,
    /// The same for transactions.
    storage: Storage,
    durability: Durability,
    retry_queue: RetryQueue,
    reservations: Arc<UniqueReservations>,
    pub(super) row_locks: RowLocks,
    tables: Mutex<HashMap<&'static str, OpenTable>>,
    /// Open keyspaces of the raw engine, by name.
    pub(in crate::table) keyspaces: Mutex<HashMap<String, Arc<OpenKeyspace>>>,
    /// By table name: locked while a table is opened for the first time or dropped; taken before
    /// `schema_lock`.
    open_locks: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// Locked while a table or a keyspace is created or dropped.
    pub(in crate::table) schema_lock: Mutex<()>,
    /// By the keyspace of the rows: shared by all handles of a table, however it was opened.
    key_sequences: Mutex<HashMap<KeyspaceId, Arc<KeySequence>>>,
    row_counts: Mutex<HashMap<KeyspaceId, Arc<RowCount>>>,
    /// The last generated UUID, without the bits of version and variant.
    pub(in crate::table) last_uuid: Mutex<u128>,
}

enum StoreBackend {
    Engine(Engine),
    Remote(Arc<Client>),
}

#[derive(Clone)]
struct OpenTable {
    info: Arc<TableInfo>,
    /// Compares rows and index entries of one type.
    verify: fn(EntryScan, &TableInfo, &mut VerifyReport, &mut Findings) -> Result<()>,
}

impl fmt::Debug for Store {
    /// One short line, since every handle holds this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir()).finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(engine: Engine, durability: Durability) -> Self {
        let storage = Storage::Engine(Arc::clone(engine.core()));
        Self::with_backend(StoreBackend::Engine(engine), storage, durability)
    }

    /// A store on a remote engine.
    pub(crate) fn on(client: Client, durability: Durability) -> Self {
        let client = Arc::new(client);
        Self::with_backend(StoreBackend::Remote(Arc::clone(&client)), Storage::Remote(client), durability)
    }

    fn with_backend(backend: StoreBackend, storage: Storage, durability: Durability) -> Self {
        Self {
            backend,
            storage,
            durability,
            retry_queue: RetryQueue::default(),
            reservations: Arc::default(),
            row_locks: RowLocks::default(),
            tables: Mutex::default(),
            open_locks: Mutex::default(),
            keyspaces: Mutex::default(),
            schema_lock: Mutex::default(),
            key_sequences: Mutex::default(),
            row_counts: Mutex::default(),
            last_uuid: Mutex::default(),
        }
    }

    /// The engine in this process; an error for a remote one.
    #[inline(always)]
    pub(crate) fn engine(&self) -> Result<&Engine> {
        match &self.backend {
            StoreBackend::Engine(engine) => Ok(engine),
            StoreBackend::Remote(_) => {
                Err(Error::Unsupported("the files of a database whose engine runs elsewhere"))
            }
        }
    }

    /// The client of a remote engine.
    pub(crate) fn client(&self) -> Option<&Arc<Client>> {
        match &self.backend {
            StoreBackend::Engine(_) => None,
            StoreBackend::Remote(client) => Some(client),
        }
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) fn source(self: &Arc<Self>) -> Source {
        match &self.backend {
            StoreBackend::Engine(_) => Source::Database(Arc::clone(self)),
            StoreBackend::Remote(_) => Source::Remote(Arc::clone(self)),
        }
    }

    /// The directory or name that errors show.
    pub(crate) fn dir(&self) -> &Path {
        self.storage.dir()
    }

    /// Calls `reads` with a reader of the visible state.
    pub(crate) fn read_now<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &self.backend {
            StoreBackend::Engine(engine) => engine.read(|reader| reads(EntryReader::Engine(reader))),
            StoreBackend::Remote(client) => {
                let session = Arc::new(RemoteSession::new(client, Mode::Read));
                reads(EntryReader::Remote(RemoteReader::new(&session)))
            }
        }
    }

    /// The same for `reads` that look up keys once.
    pub(super) fn read_once<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        let Some(client) = self.client() else { return self.read_now(reads) };
        let session = Arc::new(RemoteSession::new(client, Mode::One));
        reads(EntryReader::Remote(RemoteReader::new(&session)))
    }

    /// A scan of the visible state.
    pub(crate) fn scan_now(&self, range: KeyRange) -> Result<EntryScan> {
        match &self.backend {
            StoreBackend::Engine(engine) => engine.scan(range).map(EntryScan::Engine),
            StoreBackend::Remote(client) => {
                let session = Arc::new(RemoteSession::new(client, Mode::Read));
                Ok(EntryScan::remote(RemoteScan::new(session, range)))
            }
        }
    }

    /// The last commit that transactions see; zero if commits have no seqno.
    pub(in crate::table) fn applied(&self) -> SeqNo {
        match &self.backend {
            StoreBackend::Engine(engine) => engine.core().applied(),
            StoreBackend::Remote(_) => SeqNo::ZERO,
        }
    }

    /// Waits until everything so far is as durable as a commit with `durability`.
    pub(crate) fn confirm_all(&self, durability: Durability) -> Result<()> {
        match &self.backend {
            StoreBackend::Engine(engine) => engine.core().confirm(engine.core().applied(), durability),
            // A remote commit is durable when it is acknowledged.
            StoreBackend::Remote(_) => Ok(()),
        }
    }

    /// The time since the Unix epoch, and random bits.
    pub(in crate::table) fn moment(&self) -> (Duration, u128) {
        match &self.backend {
            StoreBackend::Engine(engine) => engine.core().moment(),
            StoreBackend::Remote(client) => client.moment(),
        }
    }

    /// The table of `T`, which is created if there is none of its name.
    pub(crate) fn table<T: Table>(self: &Arc<Self>) -> Result<DefaultTable<T>> {
        Ok(DefaultTable::new(self.source(), self.info::<T>()?))
    }

    /// Opens or creates the table of `T`.
    pub(super) fn info<T: Table>(&self) -> Result<Arc<TableInfo>> {
        match self.known::<T>() {
            Some(info) => info.ensure_same::<T>().map(|()| info),
            None => self.open_table::<T>(),
        }
    }

    /// The table of `T`, if this process has opened it.
    pub(super) fn known<T: Table>(&self) -> Option<Arc<TableInfo>> {
        let tables = self.tables.lock();
        let info = tables.get(T::SCHEMA.name).map(|table| &table.info)?;
        // A table that another program has changed is opened anew.
        (!info.generation.is_stale()).then(|| Arc::clone(info))
    }

    /// The compiled schema of `T`; its shape is traced once.
    pub(super) fn compiled<T: Table>(&self) -> Arc<Compiled> {
        let known = self.known::<T>().map(|info| Arc::clone(&info.compiled));
        known.filter(|known| known.row == TypeId::of::<T>()).unwrap_or_else(|| Arc::new(Compiled::of::<T>()))
    }

    /// Opens a table for the first time in this process. Other threads that open it during an index
    /// build wait only when they read such an index. They do wait for the trial of a new layout.
    fn open_table<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let (info, is_first) = {
            let open_lock = self.open_lock(T::SCHEMA.name);
            let _guard = open_lock.lock();
            match self.known::<T>() {
                Some(info) => (info, false),
                None => (self.open_first::<T>()?, true),
            }
        };
        info.ensure_same::<T>()?;
        if is_first {
            build::run::<T>(self, &info)?;
        }
        Ok(info)
    }

    /// Opens a table under its open lock.
    fn open_first<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let compiled = Arc::new(Compiled::of::<T>());
        let opened = {
            let _guard = self.schema_lock.lock();
            self.change_internally(self.durability, |txn| catalog::open(txn, &compiled, self.dir()))?
        };
        let mut info = match opened {
            OpenedTable::Ready(info) => info,
            OpenedTable::Tried(info) => trial::run::<T>(self, info)?,
        };
        info.key_sequence = self.key_sequence_of(info.rows, info.key_sequence);
        info.row_count = self.row_count_of(info.rows, info.row_count);
        if info.made > SeqNo::ZERO {
            info.made = self.applied();
        }
        // What is not emptied now is emptied when the next table is dropped or opened.
        let _ = self.empty_dropped();
        let info = Arc::new(info);
        let table = OpenTable { info: Arc::clone(&info), verify: verify::table::<T> };
        self.tables.lock().insert(T::SCHEMA.name, table);
        Ok(info)
    }

    /// The key sequence of a table: `new`, unless there is one.
    pub(in crate::table) fn key_sequence_of(
        &self,
        rows: KeyspaceId,
        new: Arc<KeySequence>,
    ) -> Arc<KeySequence> {
        let has_generated = new.has_generated();
        let key_sequence = Arc::clone(self.key_sequences.lock().entry(rows).or_insert(new));
        if has_generated {
            key_sequence.note_generated();
        }
        key_sequence
    }

    /// The row count of a table: `new`, unless there is one.
    pub(in crate::table) fn row_count_of(&self, rows: KeyspaceId, new: Arc<RowCount>) -> Arc<RowCount> {
        Arc::clone(self.row_counts.lock().entry(rows).or_insert(new))
    }

    fn open_lock(&self, name: &str) -> Arc<Mutex<()>> {
        Arc::clone(self.open_locks.lock().entry(name.to_owned()).or_default())
    }

    /// Removes a table with all its rows and index entries; returns whether there was one.
    pub(crate) fn drop_table(&self, name: &str) -> Result<bool> {
        let open_lock = self.open_lock(name);
        let _guard = open_lock.lock();
        let _guard = self.schema_lock.lock();
        let known = self.tables.lock().get(name).map(|table| Arc::clone(&table.info));
        let flag = known.as_deref().map(|info| &info.dropped);
        let dropped = self.drop_with(flag, |txn| catalog::remove(txn, name, self.dir()))?;
        self.tables.lock().remove(name);
        // What is not emptied now is emptied when the next table is dropped or opened.
        let _ = self.empty_dropped();
        Ok(dropped)
    }

    /// An error unless the index with this ordinal can be read: now, or at a seqno. Waits for a
    /// build, or builds the index.
    pub(super) fn ensure_readable<T: Table>(
        &self,
        info: &TableInfo,
        ordinal: usize,
        at: Option<SeqNo>,
    ) -> Result<()> {
        if info.indexes[ordinal].built().is_none() {
            build::run::<T>(self, info)?;
        }
        info.ensure_readable(ordinal, at)
    }

    /// Verifies the files, then rows against index entries of the open tables.
    pub(crate) fn verify(self: &Arc<Self>) -> Result<VerifyReport> {
        let verified = self.engine()?.verify()?;
        self.verify_open(&self.source(), verified)
    }

    /// Compares rows and index entries of the open tables in the snapshot of `source`.
    pub(crate) fn verify_open(&self, source: &Source, mut verified: VerifyReport) -> Result<VerifyReport> {
        let tables: Vec<OpenTable> = self.tables.lock().values().cloned().collect();
        let mut findings = Findings::default();
        for table in tables {
            let rows = source.scan(KeyRange::prefix(&table.info.rows.prefix()))?;
            (table.verify)(rows, &table.info, &mut verified, &mut findings)?;
        }
        findings.into_result().map(|()| verified)
    }

    pub(super) fn retry_queue(&self) -> &RetryQueue {
        &self.retry_queue
    }

    pub(in crate::table) fn reservations(&self) -> &Arc<UniqueReservations> {
        &self.reservations
    }

    /// Runs a statement in a transaction of its own.
    pub(in crate::table) fn change<R>(&self, statement: impl FnMut(&Txn) -> Result<R>) -> Result<R> {
        self.change_with(self.durability, statement)
    }

    /// The same with a given durability.
    pub(in crate::table) fn change_with<R>(
        &self,
        durability: Durability,
        statement: impl FnMut(&Txn) -> Result<R>,
    ) -> Result<R> {
        let begin = || Txn::begin_statement(&self.storage, &self.reservations);
        run_with_retries(&self.storage, &self.retry_queue, durability, begin, |txn| txn, statement)
    }

    /// The same for a statement that the user did not ask for, such as one that creates a table:
    /// see [`Txn::internal`].
    pub(in crate::table) fn change_internally<R>(
        &self,
        durability: Durability,
        statement: impl FnMut(&Txn) -> Result<R>,
    ) -> Result<R> {
        let begin = || Txn::begin_statement(&self.storage, &self.reservations).internal();
        run_with_retries(&self.storage, &self.retry_queue, durability, begin, |txn| txn, statement)
    }

    /// Runs `body` in a transaction, and repeats it after a conflict, within bounds.
    pub(crate) fn transact<R, E: From<Error>>(
        self: &Arc<Self>,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, E>,
    ) -> Result<R, E> {
        run_with_retries(
            &self.storage,
            &self.retry_queue,
            durability,
            || self.begin(),
            Transaction::txn,
            body,
        )
    }

    /// A transaction that the caller commits.
    pub(crate) fn begin_by_hand(self: &Arc<Self>) -> Transaction {
        let transaction = self.begin();
        transaction.txn().pin_state();
        transaction
    }

    fn begin(self: &Arc<Self>) -> Transaction {
        Transaction::new(self, Txn::begin(&self.storage, &self.reservations))
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn table_names(&self) -> Result<Vec<String>> {
        catalog::names(|range| self.scan_now(range))
    }
}
