//! The engine with the tables that are open in it.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::catalog::{self, Compiled, Opened, TableInfo};
use super::claims::Claims;
use super::numbers::Numbers;
use super::source::Source;
use super::spaces::Space;
use super::verify::Findings;
use super::{DefaultTable, Table, Transaction, build, trial, verify};
use crate::base::{KeyRange, KeyspaceId, SeqNo};
use crate::engine::{Durability, Engine, EngineScan, Verified};
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::txn::{Attempt, Guard, Lane, transact};

/// What the handles of one database share.
pub(crate) struct Store {
    pub(crate) engine: Engine,
    durability: Durability,
    /// In which transactions that lost too often take turns.
    lane: Lane,
    /// Reservations of unique values.
    guard: Arc<Guard>,
    /// The rows that consumers are taking.
    pub(super) claims: Claims,
    tables: Mutex<HashMap<&'static str, OpenTable>>,
    /// The keyspaces of the raw engine that this process has opened.
    pub(super) spaces: Mutex<HashMap<String, Arc<Space>>>,
    /// By the name of a table, what is held while it is opened for the first time or dropped; taken
    /// before `making`.
    gates: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// Held while a table or a keyspace is made or dropped.
    pub(super) making: Mutex<()>,
    /// What generated keys are made of, by the keyspace of the rows: the same for every handle of a
    /// table, whichever way it was opened.
    numbers: Mutex<HashMap<KeyspaceId, Arc<Numbers>>>,
    /// The last UUID that was generated, as `numbers` counts them.
    pub(super) last_uuid: Mutex<u128>,
}

/// A table that this process has opened.
#[derive(Clone)]
struct OpenTable {
    info: Arc<TableInfo>,
    /// Compares rows and index entries; it knows the type of the rows.
    verify: fn(EngineScan, &TableInfo, &mut Verified, &mut Findings) -> Result<()>,
}

impl fmt::Debug for Store {
    /// One short line: every handle holds this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.engine.dir()).finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(engine: Engine, durability: Durability) -> Self {
        Self {
            engine,
            durability,
            lane: Lane::default(),
            guard: Arc::default(),
            claims: Claims::default(),
            tables: Mutex::default(),
            gates: Mutex::default(),
            spaces: Mutex::default(),
            making: Mutex::default(),
            numbers: Mutex::default(),
            last_uuid: Mutex::default(),
        }
    }

    /// A handle to the table of `T`, which is made when the database has none of its name.
    pub(crate) fn table<T: Table>(self: &Arc<Self>) -> Result<DefaultTable<T>> {
        Ok(DefaultTable::new(Source::Database(Arc::clone(self)), self.info::<T>()?))
    }

    /// Where the rows and indexes of `T` lie; its table is made when the database has none of its
    /// name.
    pub(super) fn info<T: Table>(&self) -> Result<Arc<TableInfo>> {
        match self.known::<T>() {
            Some(info) => info.ensure_same::<T>().map(|()| info),
            None => self.open_table::<T>(),
        }
    }

    /// The table of this name as it is open in this process.
    pub(super) fn known<T: Table>(&self) -> Option<Arc<TableInfo>> {
        self.tables.lock().get(T::SCHEMA.name).map(|table| Arc::clone(&table.info))
    }

    /// What the catalog knows of `T`, without a trace of its row where that was done already.
    pub(super) fn compiled<T: Table>(&self) -> Arc<Compiled> {
        let known = self.known::<T>().map(|info| Arc::clone(&info.compiled));
        known.filter(|known| known.row == TypeId::of::<T>()).unwrap_or_else(|| Arc::new(Compiled::of::<T>()))
    }

    /// Opens a table for the first time in this process. Other threads that open it while its
    /// indexes are being built do not wait for that until they query such an index. They do wait
    /// while a new layout is being tried.
    fn open_table<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let (info, is_first) = {
            let gate = self.gate(T::SCHEMA.name);
            let _turn = gate.lock();
            let known = self.tables.lock().get(T::SCHEMA.name).map(|table| Arc::clone(&table.info));
            match known {
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

    /// Opens a table that is not open in this process yet, behind its gate.
    fn open_first<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let compiled = Arc::new(Compiled::of::<T>());
        let opened = {
            let _turn = self.making.lock();
            self.change_internally(self.durability, |attempt| {
                catalog::open(attempt, &compiled, self.engine.dir())
            })?
        };
        let mut info = match opened {
            Opened::Ready(info) => info,
            Opened::Tried(info) => trial::run::<T>(self, info)?,
        };
        info.numbers = self.numbers_of(info.rows, info.numbers);
        if info.made > SeqNo::ZERO {
            info.made = self.engine.core().applied();
        }
        let info = Arc::new(info);
        let table = OpenTable { info: Arc::clone(&info), verify: verify::table::<T> };
        self.tables.lock().insert(T::SCHEMA.name, table);
        Ok(info)
    }

    /// The numbers of the table whose rows are in a keyspace: `new`, unless there are some already.
    pub(super) fn numbers_of(&self, rows: KeyspaceId, new: Arc<Numbers>) -> Arc<Numbers> {
        let is_counted = new.is_counted();
        let numbers = Arc::clone(self.numbers.lock().entry(rows).or_insert(new));
        if is_counted {
            numbers.count();
        }
        numbers
    }

    /// What is held while a table of this name is opened for the first time, or dropped.
    fn gate(&self, name: &str) -> Arc<Mutex<()>> {
        Arc::clone(self.gates.lock().entry(name.to_owned()).or_default())
    }

    /// Removes a table with all its rows and index entries; says whether there was one.
    pub(crate) fn drop_table(&self, name: &str) -> Result<bool> {
        let gate = self.gate(name);
        let _gate = gate.lock();
        let _turn = self.making.lock();
        let known = self.tables.lock().get(name).map(|table| Arc::clone(&table.info));
        let flag = known.as_deref().map(|info| &info.dropped);
        let dropped = self.drop_with(flag, |attempt| catalog::remove(attempt, name, self.engine.dir()))?;
        self.tables.lock().remove(name);
        Ok(dropped)
    }

    /// An error unless the index at a place of a table can be asked about a state: that of now, or
    /// of a sequence number. Where it is being built this waits for it, or builds it.
    pub(super) fn ensure_readable<T: Table>(
        &self,
        info: &TableInfo,
        place: usize,
        at: Option<SeqNo>,
    ) -> Result<()> {
        if info.indexes[place].settled().is_none() {
            build::run::<T>(self, info)?;
        }
        info.ensure_readable(place, at)
    }

    /// Verifies the files, then rows against index entries of the tables that are open.
    pub(crate) fn verify(&self) -> Result<Verified> {
        let mut verified = self.engine.verify()?;
        let tables: Vec<OpenTable> = self.tables.lock().values().cloned().collect();
        let mut findings = Findings::default();
        for table in tables {
            let rows = self.engine.scan(KeyRange::prefix(&table.info.rows.prefix()))?;
            (table.verify)(rows, &table.info, &mut verified, &mut findings)?;
        }
        findings.into_result().map(|()| verified)
    }

    /// Reservations of unique values.
    pub(super) fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Runs a statement in a transaction of its own.
    pub(super) fn change<R>(&self, statement: impl FnMut(&Attempt) -> Result<R>) -> Result<R> {
        self.change_with(self.durability, statement)
    }

    /// The same with a durability of its own.
    pub(super) fn change_with<R>(
        &self,
        durability: Durability,
        statement: impl FnMut(&Attempt) -> Result<R>,
    ) -> Result<R> {
        let begin = || Attempt::begin_statement(self.engine.core(), &self.guard);
        self.run(durability, begin, statement)
    }

    /// The same for a statement that no user asked for by itself, such as one that makes a table:
    /// see [`Attempt::internal`].
    pub(super) fn change_internally<R>(
        &self,
        durability: Durability,
        statement: impl FnMut(&Attempt) -> Result<R>,
    ) -> Result<R> {
        let begin = || Attempt::begin_statement(self.engine.core(), &self.guard).internal();
        self.run(durability, begin, statement)
    }

    fn run<R>(
        &self,
        durability: Durability,
        begin: impl Fn() -> Attempt,
        statement: impl FnMut(&Attempt) -> Result<R>,
    ) -> Result<R> {
        transact(self.engine.core(), &self.lane, durability, begin, |attempt| attempt, statement)
    }

    /// Runs `body` in a transaction, again and again until its commit succeeds, within bounds.
    pub(crate) fn transact<R, E: From<Error>>(
        self: &Arc<Self>,
        durability: Durability,
        body: impl FnMut(&Transaction) -> Result<R, E>,
    ) -> Result<R, E> {
        transact(self.engine.core(), &self.lane, durability, || self.begin(), Transaction::attempt, body)
    }

    /// A transaction to be committed by hand.
    pub(crate) fn begin(self: &Arc<Self>) -> Transaction {
        Transaction::new(self, Attempt::begin(self.engine.core(), &self.guard))
    }

    /// How commits are made durable that do not say so themselves.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// The names of the tables in the database, sorted.
    pub(crate) fn table_names(&self) -> Result<Vec<String>> {
        catalog::names(|range| self.engine.scan(range))
    }
}
