//! How a handle reaches the store: each statement for itself, within a transaction, or in a snapshot.

use std::sync::Arc;

use super::Table;
use super::catalog::TableInfo;
use super::claims::Claims;
use super::store::Store;
use crate::base::KeyRange;
use crate::error::{Error, Fault, Result};
use crate::txn::{Attempt, EntryReader, EntryScan};

/// How a table handle reads. This is the second parameter of [`DefaultTable`](super::DefaultTable), which need not be
/// written for a handle that [`Database::table`](crate::Database::table) gave.
#[expect(private_bounds, reason = "sealed: how the store is reached is this crate's own business")]
pub trait Access: Reach {}

/// How a table handle writes.
#[diagnostic::on_unimplemented(
    message = "this handle only reads",
    note = "tables of a snapshot cannot be written; use a handle of the database or of a transaction"
)]
#[expect(private_bounds, reason = "sealed: how the store is reached is this crate's own business")]
pub trait WriteAccess: Access + Change {}

/// Reads.
pub(crate) trait Reach: Clone {
    /// Gives a reader of one state to `reads`.
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R>;

    /// A scan over one state.
    fn scan(&self, range: KeyRange) -> Result<EntryScan>;

    /// An error unless the index at a place of a table can be asked about the state that is read.
    fn ensure_readable<T: Table>(&self, info: &TableInfo, place: usize) -> Result<()>;

    /// The error for stored bytes that make no sense.
    fn corruption(&self, fault: Fault) -> Error;
}

/// Writes.
pub(crate) trait Change: Reach {
    /// Runs a statement, all of it or nothing. It may be run more than once.
    fn change<R>(&self, statement: impl FnMut(&Attempt) -> Result<R>) -> Result<R>;

    /// The store, for what is no part of a statement.
    fn store(&self) -> &Store;

    /// The rows that others are taking, where each statement is a transaction of its own.
    fn claims(&self) -> Option<&Claims> {
        None
    }
}

/// Each statement is a transaction of its own, made durable as the database's default says.
#[derive(Clone, Debug)]
pub struct Direct {
    pub(super) store: Arc<Store>,
}

impl Direct {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store) }
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

impl Access for Direct {}

impl WriteAccess for Direct {}

impl Reach for Direct {
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.store.engine.read(|reader| reads(EntryReader::Engine(reader)))
    }

    fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        self.store.engine.scan(range).map(EntryScan::Engine)
    }

    fn ensure_readable<T: Table>(&self, info: &TableInfo, place: usize) -> Result<()> {
        self.store.ensure_readable::<T>(info, place, None)
    }

    fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.store.engine.dir(), 0)
    }
}

impl Change for Direct {
    fn change<R>(&self, statement: impl FnMut(&Attempt) -> Result<R>) -> Result<R> {
        self.store.change(statement)
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn claims(&self) -> Option<&Claims> {
        Some(&self.store.claims)
    }
}
