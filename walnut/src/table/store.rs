//! The engine with the tables that are open in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::Direct;
use super::catalog::{self, TableInfo};
use super::{DefaultTable, Table, Transaction, verify};
use crate::engine::{Durability, Engine, Verified};
use crate::error::Result;
use crate::sync::Mutex;
use crate::txn::{Attempt, Lane, transact};

/// What the handles of one database share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) engine: Engine,
    durability: Durability,
    /// Where those who lost too often take turns.
    lane: Lane,
    tables: Mutex<HashMap<&'static str, OpenTable>>,
}

/// A table that this process has opened.
#[derive(Clone, Debug)]
struct OpenTable {
    info: Arc<TableInfo>,
    /// Compares rows and index entries; it knows the type of the rows.
    verify: fn(&Engine, &TableInfo, &mut Verified) -> Result<()>,
}

impl Store {
    pub(crate) fn new(engine: Engine, durability: Durability) -> Self {
        Self { engine, durability, lane: Lane::default(), tables: Mutex::default() }
    }

    /// A handle to the table of `T`, which is made when the database has none of its name.
    pub(crate) fn table<T: Table>(self: &Arc<Self>) -> Result<DefaultTable<T>> {
        Ok(DefaultTable::new(Direct { store: Arc::clone(self) }, self.info::<T>()?))
    }

    /// Where the rows and indexes of `T` lie; its table is made when the database has none of its name.
    pub(super) fn info<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let known = self.tables.lock().get(T::SCHEMA.name).cloned();
        match known {
            Some(table) => table.info.ensure_same(&T::SCHEMA).map(|()| table.info),
            None => self.open_table::<T>(),
        }
    }

    fn open_table<T: Table>(&self) -> Result<Arc<TableInfo>> {
        let info = self.change(|attempt| catalog::open(attempt, &T::SCHEMA, self.engine.dir()))?;
        let info = Arc::new(info);
        let table = OpenTable { info: Arc::clone(&info), verify: verify::table::<T> };
        self.tables.lock().insert(T::SCHEMA.name, table);
        Ok(info)
    }

    /// Verifies the files, then rows against index entries of the tables that are open.
    pub(crate) fn verify(&self) -> Result<Verified> {
        let mut verified = self.engine.verify()?;
        let tables: Vec<OpenTable> = self.tables.lock().values().cloned().collect();
        for table in tables {
            (table.verify)(&self.engine, &table.info, &mut verified)?;
        }
        Ok(verified)
    }

    /// Runs a statement in a transaction of its own.
    pub(super) fn change<R>(&self, mut statement: impl FnMut(&Attempt) -> Result<R>) -> Result<R> {
        transact(self.engine.core(), &self.lane, self.durability, Attempt::begin_statement, |attempt| {
            let result = statement(&attempt);
            (attempt, result)
        })
    }

    /// Runs `body` in a transaction, again and again until its commit succeeds, within bounds.
    pub(crate) fn transact<R>(
        self: &Arc<Self>,
        durability: Durability,
        mut body: impl FnMut(&Transaction) -> Result<R>,
    ) -> Result<R> {
        transact(self.engine.core(), &self.lane, durability, Attempt::begin, |attempt| {
            let transaction = Transaction::new(self, attempt);
            let result = body(&transaction);
            (transaction.into_attempt(), result)
        })
    }

    /// A transaction to be committed by hand.
    pub(crate) fn begin(self: &Arc<Self>) -> Transaction {
        Transaction::new(self, Attempt::begin(self.engine.core()))
    }

    /// How commits are made durable that do not say so themselves.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// The names of the tables in the database, sorted.
    pub(crate) fn table_names(&self) -> Result<Vec<String>> {
        catalog::names(&self.engine)
    }
}
