//! A table as the catalog stores it.
//!
//! ```text
//!   00000000 'n'            -> the next keyspace id, u32 little-endian
//!   00000000 's' name       -> a keyspace of the raw engine: see `spaces`
//!   00000000 't' name       -> version of this form (4 or 3), then StoredTable in postcard; version 2 is read, see `second`
//!   00000000 'b' keyspace   -> StoredProgress in postcard: how far the indexes of the table with these rows are built
//!   00000000 'g' name       -> the greatest key of a removed row, where keys are generated: see `numbers`
//!   00000000 'k' name       -> what generated keys were reserved: see `numbers`
//!   00000000 'v' ..         -> a generation of a table: see `stamp`
//!   00000000 'p'            -> the mark of a copy that has begun: see `copy`
//!   00000000 'd' keyspace   -> a keyspace that is to be emptied: see `shared`
//!   00000000 'c' ..         -> a slot of commits: see `backend`
//!   00000000 'm' keyspace   -> StoredProgress in postcard: how far the rows in this keyspace are migrated
//! ```
//!
//! A keyspace in a key has four bytes, the most significant first.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::KeyspaceId;
use crate::error::{Error, Fault, Result};
use crate::table::key::{KeyFit, KeyShape};
use crate::table::shape::RowShape;
use crate::table::{IndexSchema, TableSchema};

/// The version of the stored format of a table with a row count.
const FORM: u8 = 4;

/// That of a table without one, otherwise the same. On shared engines programs of either version
/// write it.
const UNCOUNTED_FORM: u8 = 3;

/// The version before these, without shapes.
const SECOND_FORM: u8 = 2;

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(in crate::table) struct StoredTable {
    pub(in crate::table) rows: u32,
    /// Whether the sum of the table is its row count; stored as the version of the format.
    #[serde(skip)]
    pub(in crate::table) has_row_count: bool,
    /// Layouts that rows may have, the oldest first; rows are written in the last one.
    pub(super) layouts: Vec<StoredLayout>,
    pub(super) primary_key: Vec<String>,
    /// `None` in a catalog from before shapes.
    pub(super) key_shape: Option<KeyShape>,
    pub(super) indexes: Vec<StoredIndex>,
    /// The keyspaces of indexes over a layout that is being tried, which are dropped unless it is
    /// adopted.
    pub(super) pending: Vec<u32>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredLayout {
    pub(super) version: u32,
    pub(super) fields: Vec<StoredField>,
    /// `None` in a catalog from before shapes.
    pub(super) shape: Option<RowShape>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredField {
    pub(super) name: String,
    pub(super) type_name: String,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredIndex {
    pub(super) keyspace: u32,
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) sparse: bool,
    pub(super) parts: Vec<String>,
    /// By part; empty in a catalog from before shapes.
    pub(super) shapes: Vec<KeyShape>,
    pub(super) state: StoredState,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) enum StoredState {
    /// It has an entry for each row.
    Readable,
    /// Written rows are entered; older ones not all yet.
    Building,
    /// It is unique, and rows have the same value.
    Off,
}

/// The progress of work on all rows of a table.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::table) struct StoredProgress {
    /// The engine key of the next row; empty at first.
    pub(in crate::table) next: Vec<u8>,
    pub(in crate::table) row_count: u64,
}

impl StoredTable {
    /// The layout in which rows are written.
    pub(super) fn newest(&self) -> Option<&StoredLayout> {
        self.layouts.last()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        encode(self, vec![if self.has_row_count { FORM } else { UNCOUNTED_FORM }])
    }

    pub(in crate::table) fn key_shape(&self) -> Option<&KeyShape> {
        self.key_shape.as_ref()
    }

    /// Each index: its name, its keyspace, and the shapes of its parts.
    pub(in crate::table) fn index_shapes(&self) -> impl Iterator<Item = (&str, u32, &[KeyShape])> {
        self.indexes.iter().map(|index| (&*index.name, index.keyspace, &*index.shapes))
    }

    pub(in crate::table) fn keyspaces(&self) -> Vec<u32> {
        self.indexes.iter().map(|index| index.keyspace).collect()
    }

    /// An error if a shape is malformed.
    fn checked(mut self) -> Result<Self, Fault> {
        for layout in &mut self.layouts {
            layout.shape = layout.shape.take().map(RowShape::checked).transpose()?;
        }
        Ok(self)
    }

    pub(in crate::table) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        match bytes {
            [form @ (FORM | UNCOUNTED_FORM), rest @ ..] => {
                let table = decode::<Self>(rest, "stored schema")?.checked()?;
                Ok(Self { has_row_count: *form == FORM, ..table })
            }
            [SECOND_FORM, rest @ ..] => second::decode(rest),
            [form, ..] if *form > FORM => {
                Err(Fault::Format { found: u32::from(*form), known: u32::from(FORM) })
            }
            _ => Err(Fault::Invalid("form of the stored schema")),
        }
    }

    pub(in crate::table) fn version(&self) -> Option<u32> {
        self.newest().map(|layout| layout.version)
    }

    pub(in crate::table) fn is_being_tried(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(in crate::table) fn index_names(&self) -> impl Iterator<Item = (u32, &str)> {
        self.indexes.iter().map(|index| (index.keyspace, &*index.name))
    }

    pub(in crate::table) fn state_of(&self, keyspace: KeyspaceId) -> Option<StoredState> {
        self.indexes.iter().find(|index| index.keyspace == keyspace.0).map(|index| index.state)
    }
}

/// The record of a table as an engine without row counts stores it.
pub(in crate::table) fn without_row_count(record: &[u8]) -> Result<Vec<u8>, Fault> {
    match StoredTable::decode(record)? {
        StoredTable { has_row_count: true, .. } => Ok([&[UNCOUNTED_FORM], &record[1..]].concat()),
        StoredTable { .. } => Ok(record.to_vec()),
    }
}

impl StoredProgress {
    pub(in crate::table) fn encode(&self) -> Result<Vec<u8>> {
        encode(self, Vec::new())
    }

    pub(in crate::table) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        decode(bytes, "stored progress")
    }
}

impl StoredLayout {
    pub(super) fn of(schema: &TableSchema, shape: RowShape) -> Self {
        let field = |field: &crate::table::FieldSchema| StoredField {
            name: field.name.to_owned(),
            type_name: field.type_name.to_owned(),
        };
        let fields = schema.fields.iter().map(field).collect();
        Self { version: schema.version, fields, shape: Some(shape) }
    }

    pub(super) fn type_of(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| &*field.type_name)
    }
}

impl StoredIndex {
    pub(super) fn of(schema: &IndexSchema, shapes: &[KeyShape], keyspace: u32, state: StoredState) -> Self {
        Self {
            keyspace,
            name: schema.name.to_owned(),
            unique: schema.unique,
            sparse: schema.sparse,
            parts: owned(schema.parts),
            shapes: shapes.to_vec(),
            state,
        }
    }

    /// Whether it has the entries of an index of `schema`.
    pub(super) fn is_like(&self, schema: &IndexSchema, shapes: &[KeyShape]) -> bool {
        let shape = |shapes: &[KeyShape], at| shapes.get(at).cloned().unwrap_or_else(KeyShape::custom);
        let is_like = |(at, (mine, its)): (usize, (&String, &&str))| match shape(&self.shapes, at)
            .fit(&shape(shapes, at))
        {
            KeyFit::Same => without_type(mine) == without_type(its),
            KeyFit::Unknown => mine == its,
            KeyFit::Differs => false,
        };
        self.unique == schema.unique
            && self.sparse == schema.sparse
            && self.parts.len() == schema.parts.len()
            && self.parts.iter().zip(schema.parts).enumerate().all(is_like)
    }
}

/// The text of a part without what its shape says: without the type of one that is computed.
fn without_type(part: &str) -> &str {
    part.split_once(": ").map_or(part, |(words, _)| words)
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A catalog key: its kind, then the rest.
pub(in crate::table) fn catalog_key(letter: u8, rest: &[u8]) -> Vec<u8> {
    [&KeyspaceId::CATALOG.prefix(), [letter].as_slice(), rest].concat()
}

fn encode<S: Serialize>(stored: &S, before: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(stored, before).map_err(|_| Error::Unsupported("this schema's serde form"))
}

fn decode<S: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<S, Fault> {
    match postcard::take_from_bytes(bytes) {
        Ok((stored, [])) => Ok(stored),
        _ => Err(Fault::Invalid(what)),
    }
}

/// The format before this one.
mod second {
    use serde::Deserialize;

    use super::{StoredField, StoredIndex, StoredLayout, StoredState, StoredTable};
    use crate::error::Fault;

    #[derive(Deserialize)]
    struct TableRecord {
        rows: u32,
        layouts: Vec<LayoutRecord>,
        primary_key: Vec<String>,
        indexes: Vec<IndexRecord>,
    }

    #[derive(Deserialize)]
    struct LayoutRecord {
        version: u32,
        fields: Vec<StoredField>,
    }

    #[derive(Deserialize)]
    struct IndexRecord {
        keyspace: u32,
        name: String,
        unique: bool,
        sparse: bool,
        parts: Vec<String>,
        state: StoredState,
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<StoredTable, Fault> {
        let table: TableRecord = super::decode(bytes, "stored schema")?;
        let layout = |LayoutRecord { version, fields }| StoredLayout { version, fields, shape: None };
        let index = |IndexRecord { keyspace, name, unique, sparse, parts, state }| StoredIndex {
            keyspace,
            name,
            unique,
            sparse,
            parts,
            shapes: Vec::new(),
            state,
        };
        Ok(StoredTable {
            rows: table.rows,
            has_row_count: false,
            layouts: table.layouts.into_iter().map(layout).collect(),
            primary_key: table.primary_key,
            key_shape: None,
            indexes: table.indexes.into_iter().map(index).collect(),
            pending: Vec::new(),
        })
    }
}
