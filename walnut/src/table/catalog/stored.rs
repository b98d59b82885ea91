//! A table as the catalog stores it.
//!
//! ```text
//!   00000000 'n'            -> the next keyspace id, u32 little-endian
//!   00000000 's' name       -> a keyspace of the raw engine: see `spaces`
//!   00000000 't' name       -> version of this form (2), then StoredTable in postcard
//!   00000000 'b' keyspace   -> StoredProgress in postcard: how far the indexes of the table with these rows are built
//!   00000000 'm' keyspace   -> StoredProgress in postcard: how far the rows in this keyspace are migrated
//! ```
//!
//! A keyspace in a key has four bytes, the most significant first.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::KeyspaceId;
use crate::error::{Error, Fault, Result};
use crate::table::{IndexSchema, TableSchema};

/// The version of the stored form of a table.
const FORM: u8 = 2;

/// A table.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredTable {
    pub(super) rows: u32,
    /// The layouts that rows may have, the oldest first; the last one is that in which rows are written.
    pub(super) layouts: Vec<StoredLayout>,
    pub(super) primary_key: Vec<String>,
    pub(super) indexes: Vec<StoredIndex>,
}

/// How rows of one version look.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct StoredLayout {
    pub(super) version: u32,
    pub(super) fields: Vec<StoredField>,
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
    pub(super) state: StoredState,
}

/// What an index is good for.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StoredState {
    /// It has an entry for each row that asks for one.
    Readable,
    /// Rows that are written are entered; of those that were there before, not all are yet.
    Building,
    /// It has no entries: rows have the same value, and it is unique.
    Off,
}

/// How far work has come that goes through all rows of a table.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::table) struct StoredProgress {
    /// The engine's key of the first row that is still to be done; empty at first.
    pub(in crate::table) next: Vec<u8>,
    /// How many rows are done.
    pub(in crate::table) row_count: u64,
}

impl StoredTable {
    /// The layout in which rows are written.
    pub(super) fn newest(&self) -> Option<&StoredLayout> {
        self.layouts.last()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        encode(self, vec![FORM])
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        match bytes {
            [FORM, rest @ ..] => decode(rest, "stored schema"),
            _ => Err(Fault::Invalid("form of the stored schema")),
        }
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
    pub(super) fn of(schema: &TableSchema) -> Self {
        let field = |field: &crate::table::FieldSchema| StoredField {
            name: field.name.to_owned(),
            type_name: field.type_name.to_owned(),
        };
        Self { version: schema.version, fields: schema.fields.iter().map(field).collect() }
    }

    /// The type of a field.
    pub(super) fn type_of(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| &*field.type_name)
    }
}

impl StoredIndex {
    pub(super) fn of(schema: &IndexSchema, keyspace: u32, state: StoredState) -> Self {
        Self {
            keyspace,
            name: schema.name.to_owned(),
            unique: schema.unique,
            sparse: schema.sparse,
            parts: owned(schema.parts),
            state,
        }
    }

    /// Whether its entries are those that an index of `schema` has.
    pub(super) fn is_like(&self, schema: &IndexSchema) -> bool {
        self.unique == schema.unique
            && self.sparse == schema.sparse
            && self.parts.iter().map(String::as_str).eq(schema.parts.iter().copied())
    }
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The catalog's key for a letter and what stands behind it.
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
