//! An open table: its keyspaces and the state of its indexes.

use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use super::generation::TableGeneration;
use crate::base::{KeyspaceId, SeqNo};
use crate::error::{Error, Fault, Finding, FindingKind, Result, SchemaError, UnreadableRow};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::table::dynamic::Mapper;
use crate::table::key::{Key, KeyShape};
use crate::table::shape::{RowShape, Verdict};
use crate::table::write::key_sequence::KeySequence;
use crate::table::write::row_count::RowCount;
use crate::table::{Table, TableSchema};

/// The number of rows of a lossless type that are decoded again after an opening.
const TRIALS: u64 = 64;

#[derive(Debug)]
pub(crate) struct TableInfo {
    pub(in crate::table) schema: TableSchema,
    pub(in crate::table) compiled: Arc<Compiled>,
    /// The mapper of a table that was opened without its struct.
    pub(in crate::table) mapper: Option<Arc<Mapper>>,
    pub(in crate::table) rows: KeyspaceId,
    /// Shared by all handles of the table.
    pub(in crate::table) row_count: Arc<RowCount>,
    /// In the order of the schema.
    pub(in crate::table) indexes: Vec<OpenIndex>,
    /// Locked by the thread that builds indexes: pairs of rows with one value, by index ordinal.
    pub(in crate::table) building: Mutex<Vec<Vec<DuplicateOwners>>>,
    /// Rows that are entered in the indexes that are being built.
    pub(in crate::table) built_count: AtomicU64,
    /// Rows of a lossless type that were decoded again.
    pub(in crate::table) trial_count: AtomicU64,
    /// Set before the table is dropped. An earlier statement conflicts with the drop, as it has
    /// read what is removed.
    pub(in crate::table) dropped: AtomicBool,
    /// Shared by all handles of the table.
    pub(in crate::table) key_sequence: Arc<KeySequence>,
    /// A seqno at which the table existed with its present keyspaces; zero if that was before the
    /// database was opened.
    pub(in crate::table) made: SeqNo,
    /// The schema generation, if other programs may change the table.
    pub(in crate::table) generation: TableGeneration,
    /// Whether this is the table of an older snapshot, which cannot be written.
    pub(in crate::table) is_past: bool,
}

#[derive(Debug)]
pub(in crate::table) struct OpenIndex {
    pub(in crate::table) keyspace: KeyspaceId,
    /// Empty during the build.
    built: OnceLock<BuiltState>,
}

/// The final state of an index in this process.
#[derive(Debug)]
pub(in crate::table) enum BuiltState {
    /// It has an entry for each row in every snapshot from this seqno on.
    Readable { since: SeqNo },
    /// The snapshot does not have it.
    Absent,
    /// Rows have the same value: the first such pairs, by primary key. The first row of a value has
    /// its entry, each other one an entry as in an index that is not unique, so that no other row
    /// takes the value.
    Off { duplicates: Vec<DuplicateOwners> },
}

/// The encoded primary keys of two rows with one value of a unique index.
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

    /// The caller holds the build lock, so this happens once.
    pub(in crate::table) fn set_built(&self, built: BuiltState) {
        let _first = self.built.set(built);
    }

    /// Whether every row has its entries, so that each unique entry belongs to its owner.
    pub(in crate::table) fn is_readable(&self) -> bool {
        matches!(self.built(), Some(BuiltState::Readable { .. }))
    }
}

impl TableInfo {
    /// The same table, in which only the indexes that are `is_wanted` are readable.
    pub(in crate::table) fn only_indexes(mut self, is_wanted: impl Fn(usize) -> bool) -> Self {
        for (ordinal, index) in
            self.indexes.iter_mut().enumerate().filter(|(ordinal, _)| !is_wanted(*ordinal))
        {
            let _ = ordinal;
            *index = OpenIndex::new(index.keyspace, None);
        }
        self
    }

    /// Whether each unique value has one owner: not while an index is being built or off.
    pub(in crate::table) fn has_one_owner_each(&self) -> bool {
        self.schema.indexes.iter().zip(&self.indexes).all(|(index, open)| !index.unique || open.is_readable())
    }

    /// Whether a row is to be decoded again although its type seems lossless: a hand-written
    /// `Serialize` or `Deserialize` cannot be detected. True for the first rows after each opening.
    pub(in crate::table) fn is_trial(&self) -> bool {
        self.trial_count.load(Ordering::Relaxed) < TRIALS
            && self.trial_count.fetch_add(1, Ordering::Relaxed) < TRIALS
    }

    /// The error for a row under this primary key that this program cannot decode: of the schema,
    /// if its migration or a newer layout is the reason.
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

    /// What is wrong with the row of this primary key, or with its entry in an index.
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

    /// An error if the table was dropped.
    pub(in crate::table) fn ensure_there(&self) -> Result<()> {
        if self.dropped.load(Ordering::Acquire) { Err(Error::Dropped) } else { Ok(()) }
    }

    /// An error unless `T` is the struct that the table was opened with, or one that is stored the
    /// same way.
    pub(in crate::table) fn ensure_same<T: Table>(&self) -> Result<()> {
        if self.compiled.row == TypeId::of::<T>() || self.compiled.is_like(&Compiled::of::<T>()) {
            return Ok(());
        }
        Err(self.refusal(
            "two different structs of this program use this name; give one of them another `#[table(name = ..)]`".into(),
        ))
    }

    /// An error unless the index with this ordinal can be read: now, or at a seqno.
    ///
    /// [`Error::Conflict`] for a snapshot from before the index was built.
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

    pub(in crate::table) fn built_count(&self) -> u64 {
        self.built_count.load(Ordering::Relaxed)
    }

    pub(in crate::table) fn refusal(&self, sentence: String) -> Error {
        Error::Schema(SchemaError { table: self.schema.name.to_owned(), sentence })
    }
}

/// A compiled struct as the catalog sees it: its schema, and the shapes that only its types know.
#[derive(Debug)]
pub(in crate::table) struct Compiled {
    pub(in crate::table) schema: TableSchema,
    pub(in crate::table) row: TypeId,
    pub(in crate::table) shape: RowShape,
    pub(in crate::table) key: KeyShape,
    /// By index, part by part; empty if unknown.
    pub(in crate::table) indexes: Vec<Vec<KeyShape>>,
}

impl Compiled {
    /// Cost: traces the row, some microseconds for each ten fields.
    pub(in crate::table) fn of<T: Table>() -> Self {
        Self {
            schema: T::SCHEMA,
            row: TypeId::of::<T>(),
            shape: T::row_shape(),
            key: T::PrimaryKey::key_shape(),
            indexes: (0..T::SCHEMA.indexes.len()).map(T::index_shapes).collect(),
        }
    }

    /// Whether both structs have the same rows and keys.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let reads =
            |old: &Self, new: &Self| !matches!(old.shape.read_by(0, &new.shape, 0), Verdict::Differs(_));
        self.schema == other.schema
            && (&self.key, &self.indexes) == (&other.key, &other.indexes)
            && reads(self, other)
            && reads(other, self)
    }

    pub(super) fn shapes(&self, index: usize) -> &[KeyShape] {
        self.indexes.get(index).map_or(&[], Vec::as_slice)
    }
}
