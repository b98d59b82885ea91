//! The source that a handle reads and writes: the database, an open transaction, or a snapshot.
//!
//! ```text
//!   DefaultTable, Index, Unique, Scan, Keyspace ── M: ReadWrite or ReadOnly, for the compiler
//!     └─ Source ── Database     each statement is a transaction of its own
//!                  Transaction  a share of the transaction, until that ends
//!                  Snapshot     a share of the pin
//! ```
//!
//! The marker decides which methods there are, the source what they do. So a table of the database
//! and one of a transaction have the same type. A database whose engine runs elsewhere is a variant
//! of its own, so that reads of an embedded one are compiled without a branch for it.
//!
//! A point read is inlined for each kind of source by itself where that counts: see [`Reads`].

pub(super) mod following;
pub(super) mod shared;
pub(super) mod snapshot;
pub(super) mod store;
pub(super) mod transaction;

use std::sync::Arc;

use self::snapshot::{PinnedReads, Snapshot};
use self::store::Store;
use self::transaction::OpenTransaction;
use crate::base::KeyRange;
use crate::error::{Error, Fault, Result};
use crate::table::Table;
use crate::table::catalog::TableInfo;
use crate::table::write::row_locks::RowLocks;
use crate::txn::{EngineReads, EntryReader, EntryScan, Txn};

/// What a handle may do: [`ReadWrite`] or [`ReadOnly`]. It is the second parameter of
/// [`DefaultTable`](crate::DefaultTable).
#[expect(private_bounds, reason = "sealed: which handles there are is this crate's own business")]
pub trait Access: Sealed + 'static {}

/// What a handle that writes may do: [`ReadWrite`].
#[diagnostic::on_unimplemented(
    message = "this handle only reads: it is of a follower or a snapshot, or was made `read_only`",
    label = "no method that writes exists on it",
    note = "write through a handle of the database (`db.table()`) or of a transaction (`tx.table()`)"
)]
pub trait WriteAccess: Access {}

trait Sealed {}

/// Handles that read and write: those of [`Database::table`](crate::Database::table) and of
/// [`Transaction::table`](crate::Transaction::table).
#[derive(Clone, Copy, Debug)]
pub enum ReadWrite {}

/// Handles without a method that writes: those of [`Snapshot::table`](crate::Snapshot::table).
#[derive(Clone, Copy, Debug)]
pub enum ReadOnly {}

impl Sealed for ReadWrite {}
impl Sealed for ReadOnly {}
impl Access for ReadWrite {}
impl Access for ReadOnly {}
impl WriteAccess for ReadWrite {}

/// The database, transaction or snapshot of a handle.
#[derive(Clone)]
pub(crate) enum Source {
    /// The visible state; each statement is committed at once, with the database's default
    /// durability.
    Database(Arc<Store>),
    /// A transaction, which handles do not keep open: see [`Error::TransactionEnded`].
    Transaction(Arc<OpenTransaction>),
    Snapshot(Snapshot),
    /// A database with a remote engine; otherwise as `Database`.
    Remote(Arc<Store>),
}

/// Point reads of one kind of source.
///
/// A hot point read is generic over this trait, and so compiled for each kind by itself: a closure
/// with several callers is not inlined, and a local that another kind's closure may write is not
/// kept in registers.
pub(super) trait Reads {
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R>;

    /// The same for `reads` that look up keys once, so that a remote engine needs no transaction.
    #[inline(always)]
    fn read_once<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.read(reads)
    }

    #[inline(always)]
    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.read_once(|reader| reader.contains(key))
    }
}

impl Reads for Store {
    /// Without the closure of the other kinds: the compiler merges equal closures, and no longer
    /// inlines them.
    #[inline(always)]
    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.engine()?.read(|reader| reader.contains(key))
    }

    #[inline(always)]
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.engine()?.read(|reader| reads(EntryReader::Engine(reader)))
    }
}

impl Reads for EngineReads<'_> {
    #[inline(always)]
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        EngineReads::read(self, reads)
    }
}

impl Reads for PinnedReads<'_> {
    #[inline(always)]
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        PinnedReads::read(self, reads)
    }
}

/// The sources that are not the visible state of an engine in this process; their point reads share
/// one compiled copy.
pub(in crate::table) struct OtherReads<'s>(pub(super) &'s Source);

impl Reads for OtherReads<'_> {
    fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.0.read(reads)
    }

    fn read_once<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match self.0 {
            Source::Remote(store) => store.read_once(reads),
            source => source.read(reads),
        }
    }
}

/// Calls a function that is generic over [`Reads`]: inlined for the database, behind a call for the
/// others.
macro_rules! with_reads {
    ($source:expr, |$reads:ident| $call:expr) => {{
        let source: &$crate::table::Source = $source;
        if let $crate::table::Source::Database(store) = source {
            let $reads = &**store;
            $call
        } else if let Some(reads) = source.engine_reads() {
            let $reads = &reads;
            $crate::table::source::behind_a_call(move || $call)
        } else if let Some(reads) = source.pinned_reads() {
            let $reads = &reads;
            $crate::table::source::behind_a_call(move || $call)
        } else {
            let $reads = &$crate::table::source::OtherReads(source);
            $crate::table::source::behind_a_call(move || $call)
        }
    }};
}

pub(super) use with_reads;

#[inline(never)]
pub(super) fn behind_a_call<R>(call: impl FnOnce() -> R) -> R {
    call()
}

impl Source {
    #[inline(always)]
    pub(super) fn engine_reads(&self) -> Option<EngineReads<'_>> {
        match self {
            Self::Transaction(open) => open.txn.engine_reads(),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn pinned_reads(&self) -> Option<PinnedReads<'_>> {
        match self {
            Self::Snapshot(snapshot) => snapshot.pinned_reads(),
            _ => None,
        }
    }

    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match self {
            Self::Database(store) => store.read(reads),
            Self::Transaction(open) => open.txn.read(reads),
            Self::Snapshot(snapshot) => snapshot.read(reads),
            Self::Remote(store) => store.read_now(reads),
        }
    }

    /// A scan of one snapshot, which may outlive the source.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        match self {
            Self::Database(store) | Self::Remote(store) => store.scan_now(range),
            Self::Transaction(open) => open.txn.scan(range),
            Self::Snapshot(snapshot) => snapshot.scan(range),
        }
    }

    /// Runs a statement atomically; it may run more than once.
    pub(crate) fn change<R>(&self, statement: &mut dyn FnMut(&Txn) -> Result<R>) -> Result<R> {
        match self {
            Self::Database(store) | Self::Remote(store) => store.change(statement),
            Self::Transaction(open) => open.txn.statement(statement),
            Self::Snapshot(_) => Err(Error::Unsupported("writing to a snapshot")),
        }
    }

    /// An error unless the index with this ordinal can be read in the source's snapshot.
    pub(crate) fn ensure_readable<T: Table>(&self, info: &TableInfo, ordinal: usize) -> Result<()> {
        match self {
            Self::Database(store) | Self::Remote(store) => store.ensure_readable::<T>(info, ordinal, None),
            Self::Transaction(open) => open.ensure_readable::<T>(info, ordinal),
            Self::Snapshot(snapshot) => info.ensure_readable(ordinal, Some(snapshot.at())),
        }
    }

    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        let dir = match self {
            Self::Database(store) | Self::Remote(store) => store.dir(),
            Self::Transaction(open) => open.store.dir(),
            Self::Snapshot(snapshot) => snapshot.dir(),
        };
        fault.at(dir, 0)
    }

    /// The store, for a statement that writes; an error for a snapshot.
    pub(crate) fn store(&self) -> Result<&Arc<Store>> {
        match self {
            Self::Database(store) | Self::Remote(store) => Ok(store),
            Self::Transaction(open) => Ok(&open.store),
            Self::Snapshot(_) => Err(Error::Unsupported("writing to a snapshot")),
        }
    }

    /// The row locks of consumers, if each statement is a transaction of its own.
    pub(super) fn row_locks(&self) -> Option<&RowLocks> {
        self.database().map(|store| &store.row_locks)
    }

    /// The store, if the source is the database itself.
    pub(crate) fn database(&self) -> Option<&Arc<Store>> {
        match self {
            Self::Database(store) | Self::Remote(store) => Some(store),
            _ => None,
        }
    }

    /// The transaction; an error that names `what` otherwise.
    pub(super) fn txn(&self, what: &'static str) -> Result<&Txn> {
        match self {
            Self::Transaction(open) => Ok(&open.txn),
            _ => Err(Error::Unsupported(what)),
        }
    }
}
