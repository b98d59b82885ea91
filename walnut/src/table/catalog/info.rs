//! A table that is open: where its rows and indexes lie, and what each index is good for.

use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use super::compiled::Compiled;
use crate::base::{KeyspaceId, SeqNo};
use crate::error::{Error, Fault, Finding, FindingKind, Result, SchemaError, UnreadableRow};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::table::dynamic::Mapper;
use crate::table::generation::TableGeneration;
use crate::table::key_sequence::KeySequence;
use crate::table::{Table, TableSchema};

/// How many rows of a lossless type are read again after an opening.
const TRIALS: u64 = 64;

/// A table that is open.
#[derive(Debug)]
pub(crate) struct TableInfo {
    pub(in crate::table) schema: TableSchema,
    /// What the catalog knows of the struct.
    pub(in crate::table) compiled: Arc<Compiled>,
    /// How rows are read and written without their struct, where the table was opened so.
    pub(in crate::table) mapper: Option<Arc<Mapper>>,
    pub(in crate::table) rows: KeyspaceId,
    /// In the order of the schema.
    pub(in crate::table) indexes: Vec<OpenIndex>,
    /// Held by the thread that builds indexes: the pairs of rows with one value that it has met, by
    /// the place of their index.
    pub(in crate::table) building: Mutex<Vec<Vec<DuplicateOwners>>>,
    /// How many rows are entered in the indexes that are being built.
    pub(in crate::table) built_count: AtomicU64,
    /// How many rows of a type that is thought to be lossless were read again.
    pub(in crate::table) trial_count: AtomicU64,
    /// Set before the table is dropped. A statement that began before loses to the drop, as it has
    /// read of what goes.
    pub(in crate::table) dropped: AtomicBool,
    /// What its generated keys are made of, for all handles of the table.
    pub(in crate::table) key_sequence: Arc<KeySequence>,
    /// A sequence number at which the table was there already, as what it is now; zero when it was
    /// there before the database was opened.
    pub(in crate::table) made: SeqNo,
    /// Which generation of the table this is, where other programs may change it.
    pub(in crate::table) generation: TableGeneration,
    /// Whether this is the table of one state of the past, in which nothing can be written.
    pub(in crate::table) is_past: bool,
}

/// An index of a table that is open.
#[derive(Debug)]
pub(in crate::table) struct OpenIndex {
    pub(in crate::table) keyspace: KeyspaceId,
    /// Nothing as long as it is being built.
    built: OnceLock<BuiltState>,
}

/// What became of an index.
#[derive(Debug)]
pub(in crate::table) enum BuiltState {
    /// It has an entry for each row that asks for one, in every state from this sequence number on.
    Readable { since: SeqNo },
    /// The state that is read does not have it.
    Absent,
    /// Rows have the same value: the first such pairs, by their primary keys. The first row of a
    /// value has its entry, each of the others one as in an index that is not unique, so that no
    /// other row takes the value.
    Off { duplicates: Vec<DuplicateOwners> },
}

/// The primary keys of two rows that have one value of a unique index, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::table) struct DuplicateOwners {
    pub(in crate::table) first: Vec<u8>,
    pub(in crate::table) second: Vec<u8>,
}

impl OpenIndex {
    pub(in crate::table) fn new(keyspace: KeyspaceId, built: Option<BuiltState>) -> Self {
        Self { keyspace, built: built.map_or_else(OnceLock::new, OnceLock::from) }
    }

    pub(in crate::table) fn built(&self) -> Option<&BuiltState> {
        self.built.get()
    }

    /// Sets what became of it. The caller holds the lock for building, so it is set once.
    pub(in crate::table) fn set_built(&self, built: BuiltState) {
        let _first = self.built.set(built);
    }

    /// Whether every row has its entries, so that each entry of a unique value belongs to its
    /// owner.
    pub(in crate::table) fn is_readable(&self) -> bool {
        matches!(self.built(), Some(BuiltState::Readable { .. }))
    }
}

impl TableInfo {
    /// The same table, with those indexes alone readable of which `is_wanted`.
    pub(in crate::table) fn only_indexes(mut self, is_wanted: impl Fn(usize) -> bool) -> Self {
        for (ordinal, index) in
            self.indexes.iter_mut().enumerate().filter(|(ordinal, _)| !is_wanted(*ordinal))
        {
            let _ = ordinal;
            *index = OpenIndex::new(index.keyspace, None);
        }
        self
    }

    /// Whether each unique value has its owner in its index, so that no other row has it: not while
    /// one is being built or off.
    pub(in crate::table) fn has_one_owner_each(&self) -> bool {
        self.schema.indexes.iter().zip(&self.indexes).all(|(index, open)| !index.unique || open.is_readable())
    }

    /// Whether a row is to be read again though its type is lossless as far as can be seen: that a
    /// struct has its own `Serialize` or `Deserialize` cannot be. The first rows after each opening
    /// are.
    pub(in crate::table) fn is_trial(&self) -> bool {
        self.trial_count.load(Ordering::Relaxed) < TRIALS
            && self.trial_count.fetch_add(1, Ordering::Relaxed) < TRIALS
    }

    /// The error for a row under this primary key that this program does not read. A row that its
    /// migration refuses is an error of the schema, and one of a newer layout of the program.
    #[cold]
    pub(in crate::table) fn unreadable(&self, primary_key: &[u8], fault: Fault) -> Error {
        if let Fault::Migration { from, to, .. } = fault {
            return self.refusal(format!(
                "the row with primary key {}, of version {from}, was refused by the struct of version {to}; change its `TryFrom` so \
                 that it takes every row, or change or remove this one with the program of version {from}",
                self.compiled.key.show(primary_key)
            ));
        }
        if let Fault::Format { found: stored, known } = fault {
            return Error::SchemaTooNew { table: self.schema.name.to_owned(), stored, known };
        }
        Error::Unreadable(UnreadableRow { table: self.schema.name, key_size: primary_key.len(), fault })
    }

    /// What is wrong with the row of this primary key; with its entry, when there is an index.
    #[cold]
    pub(in crate::table) fn finding(
        &self,
        kind: FindingKind,
        index: Option<usize>,
        primary_key: &[u8],
    ) -> Finding {
        let index = index.map(|index| self.schema.indexes[index].name);
        Finding { table: self.schema.name, index, kind, primary_key: primary_key.into() }
    }

    /// An error when the table was dropped.
    pub(in crate::table) fn ensure_there(&self) -> Result<()> {
        if self.dropped.load(Ordering::Acquire) { Err(Error::Dropped) } else { Ok(()) }
    }

    /// An error unless `T` is the struct that the table was opened with, or one that is stored just
    /// so.
    pub(in crate::table) fn ensure_same<T: Table>(&self) -> Result<()> {
        if self.compiled.row == TypeId::of::<T>() || self.compiled.is_like(&Compiled::of::<T>()) {
            return Ok(());
        }
        Err(self.refusal(
            "two different structs of this program use this name; give one of them another `#[table(name = ..)]`".into(),
        ))
    }

    /// An error unless the index at a place can be asked about a state: that of now, or of a
    /// sequence number.
    ///
    /// [`Error::Conflict`] when the state is one from before the index was built.
    pub(in crate::table) fn ensure_readable(&self, ordinal: usize, at: Option<SeqNo>) -> Result<()> {
        match self.indexes[ordinal].built() {
            Some(BuiltState::Readable { since }) if at.is_none_or(|at| at >= *since) => Ok(()),
            Some(BuiltState::Readable { .. }) => Err(Error::Conflict),
            Some(BuiltState::Off { .. }) => Err(self.refusal(format!(
                "the unique index `{}` is off, because rows have the same value; `index_status` gives their primary keys; \
                 change them and open the database again, and the index is built anew",
                self.schema.indexes[ordinal].name
            ))),
            Some(BuiltState::Absent) => Err(self.refusal(format!(
                "the index `{}` was built after this snapshot or transaction began, or not at all; begin another one to ask it",
                self.schema.indexes[ordinal].name
            ))),
            None => Err(self.refusal(format!(
                "the index `{}` is not built yet; open the table again to go on",
                self.schema.indexes[ordinal].name
            ))),
        }
    }

    /// How many rows are entered in the indexes that are being built.
    pub(in crate::table) fn built_count(&self) -> u64 {
        self.built_count.load(Ordering::Relaxed)
    }

    pub(in crate::table) fn refusal(&self, sentence: String) -> Error {
        Error::Schema(SchemaError { table: self.schema.name.to_owned(), sentence })
    }
}
