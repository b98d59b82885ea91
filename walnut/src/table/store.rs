//! The engine with the tables that are open in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::Direct;
use super::catalog::{self, TableInfo};
use super::{DefaultTable, Table};
use crate::engine::{Durability, Engine};
use crate::error::Result;
use crate::sync::Mutex;
use crate::txn::{Transaction, transact};

/// What the handles of one database share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) engine: Engine,
    durability: Durability,
    /// Where statements that lost too often take turns.
    lane: Mutex<()>,
    tables: Mutex<HashMap<&'static str, Arc<TableInfo>>>,
}

impl Store {
    pub(crate) fn new(engine: Engine, durability: Durability) -> Self {
        Self { engine, durability, lane: Mutex::default(), tables: Mutex::default() }
    }

    /// A handle to the table of `T`, which is made when the database has none of its name.
    pub(crate) fn table<T: Table>(self: &Arc<Self>) -> Result<DefaultTable<T>> {
        let known = self.tables.lock().get(T::SCHEMA.name).cloned();
        let info = match known {
            Some(info) => info.ensure_same(&T::SCHEMA).map(|()| info)?,
            None => self.open_table(&T::SCHEMA)?,
        };
        Ok(DefaultTable::new(Direct { store: Arc::clone(self) }, info))
    }

    fn open_table(&self, schema: &super::TableSchema) -> Result<Arc<TableInfo>> {
        let info = self.transact(|transaction| catalog::open(transaction, schema, self.engine.dir()))?;
        let info = Arc::new(info);
        self.tables.lock().insert(schema.name, Arc::clone(&info));
        Ok(info)
    }

    /// Runs a statement in a transaction of its own.
    pub(crate) fn transact<R>(&self, statement: impl FnMut(&mut Transaction<'_>) -> Result<R>) -> Result<R> {
        transact(&self.engine, &self.lane, self.durability, statement)
    }

    /// The names of the tables in the database, sorted.
    pub(crate) fn table_names(&self) -> Result<Vec<String>> {
        catalog::names(&self.engine)
    }
}
