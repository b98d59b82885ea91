//! Which tables there are: keyspace 0.
//!
//! ```text
//!   00000000 'n'           -> the next keyspace id, u32 little-endian
//!   00000000 't' name      -> version of this form (1), then StoredTable in postcard
//! ```
//!
//! The catalog is read and written in transactions like any other data, so that a table that is made by two threads at
//! once is made once, and a crash leaves all of it or nothing.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::key::KeyWriter;
use super::mapper::TableMapper;
use super::{IndexSchema, TableSchema};
use crate::base::{KeyRange, KeyspaceId};
use crate::engine::Engine;
use crate::error::{Error, Fault, Result, SchemaError};
use crate::txn::Attempt;

/// The version of the stored form of a table.
const FORM: u8 = 1;

/// The first keyspace that a table gets; those below are the store's own.
const FIRST_KEYSPACE: u32 = 16;

/// A table as it is stored.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct StoredTable {
    rows: u32,
    version: u32,
    fields: Vec<StoredField>,
    primary_key: Vec<String>,
    indexes: Vec<StoredIndex>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct StoredField {
    name: String,
    type_name: String,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct StoredIndex {
    keyspace: u32,
    name: String,
    unique: bool,
    sparse: bool,
    parts: Vec<String>,
}

/// A table that is open: where its rows and indexes lie.
#[derive(Clone, Debug)]
pub(super) struct TableInfo {
    pub(super) schema: TableSchema,
    pub(super) rows: KeyspaceId,
    /// In the order of the schema.
    pub(super) indexes: Vec<KeyspaceId>,
}

impl TableInfo {
    /// The engine's key of a row.
    pub(super) fn row_key<T: TableMapper>(&self, row: &T) -> KeyWriter {
        let mut key = KeyWriter::new(&self.rows.prefix());
        row.encode_primary_key(&mut key);
        key
    }

    /// An error unless `schema` is the one that the table was opened with.
    pub(super) fn ensure_same(&self, schema: &TableSchema) -> Result<()> {
        if self.schema == *schema {
            return Ok(());
        }
        refuse(
            schema,
            "two different structs of this program use this name; give one of them another `#[table(name = ..)]`",
        )
    }
}

/// Opens the table of `schema`, making it when there is none.
pub(super) fn open(attempt: &Attempt, schema: &TableSchema, dir: &Path) -> Result<TableInfo> {
    let key = table_key(schema.name);
    let stored = attempt.get(&key, decode)?;
    let stored = match stored {
        Some(stored) => stored.map_err(|fault| fault.at(dir, 0))?,
        None => create(attempt, schema, dir)?,
    };
    compare(&stored, schema)?;
    Ok(TableInfo {
        schema: *schema,
        rows: KeyspaceId(stored.rows),
        indexes: stored.indexes.iter().map(|index| KeyspaceId(index.keyspace)).collect(),
    })
}

/// The names of all tables, sorted.
pub(super) fn names(engine: &Engine) -> Result<Vec<String>> {
    let prefix = table_key("");
    let mut scan = engine.scan(KeyRange::prefix(&prefix))?;
    let mut names = Vec::new();
    while let Some(found) = scan.next()? {
        names.push(String::from_utf8_lossy(&found.key[prefix.len()..]).into_owned());
    }
    Ok(names)
}

fn table_key(name: &str) -> Vec<u8> {
    [&KeyspaceId::CATALOG.prefix(), b"t".as_slice(), name.as_bytes()].concat()
}

fn create(attempt: &Attempt, schema: &TableSchema, dir: &Path) -> Result<StoredTable> {
    let counter = [&KeyspaceId::CATALOG.prefix(), b"n".as_slice()].concat();
    let next = attempt.get(&counter, |bytes| bytes.try_into().map(u32::from_le_bytes))?;
    let mut next = match next {
        None => FIRST_KEYSPACE,
        Some(stored) => stored.map_err(|_| Fault::Invalid("keyspace counter of the catalog").at(dir, 0))?,
    };
    let mut keyspace = || {
        let keyspace = next;
        next = next.checked_add(1).ok_or(Error::Unsupported("more than four billion keyspaces"))?;
        Ok::<u32, Error>(keyspace)
    };
    let stored = StoredTable {
        rows: keyspace()?,
        version: schema.version,
        fields: schema
            .fields
            .iter()
            .map(|field| StoredField { name: field.name.to_owned(), type_name: field.type_name.to_owned() })
            .collect(),
        primary_key: owned(schema.primary_key),
        indexes: schema
            .indexes
            .iter()
            .map(|index| {
                Ok(StoredIndex {
                    keyspace: keyspace()?,
                    name: index.name.to_owned(),
                    unique: index.unique,
                    sparse: index.sparse,
                    parts: owned(index.parts),
                })
            })
            .collect::<Result<_>>()?,
    };
    let bytes = postcard::to_extend(&stored, vec![FORM])
        .map_err(|_| Error::Unsupported("this schema's serde form"))?;
    attempt.put(&table_key(schema.name), &bytes);
    attempt.put(&counter, &next.to_le_bytes());
    Ok(stored)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn decode(bytes: &[u8]) -> Result<StoredTable, Fault> {
    match bytes {
        [FORM, rest @ ..] => match postcard::take_from_bytes(rest) {
            Ok((stored, [])) => Ok(stored),
            _ => Err(Fault::Invalid("stored schema")),
        },
        _ => Err(Fault::Invalid("form of the stored schema")),
    }
}

/// An error, as a sentence, when the compiled struct does not fit what is stored.
fn compare(stored: &StoredTable, schema: &TableSchema) -> Result<()> {
    if stored.version > schema.version {
        return Err(Error::SchemaTooNew);
    }
    if stored.primary_key != owned(schema.primary_key) {
        return refuse(
            schema,
            &format!(
                "its primary key was ({}) and is now ({}); a primary key cannot change, so copy the rows into a new table",
                stored.primary_key.join(", "),
                schema.primary_key.join(", "),
            ),
        );
    }
    if let Some(sentence) = difference_of_fields(stored, schema) {
        return refuse(schema, &sentence);
    }
    let form = |index: &IndexSchema| (index.name, index.unique, index.sparse, owned(index.parts));
    let compiled: Vec<_> = schema.indexes.iter().map(form).collect();
    let kept: Vec<_> = stored
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.unique, index.sparse, index.parts.clone()))
        .collect();
    if compiled == kept {
        return Ok(());
    }
    let changed = |(name, ..): &&(&str, bool, bool, Vec<String>)| format!("`{name}`");
    let new = compiled.iter().filter(|index| !kept.contains(index)).map(|index| changed(&index));
    let gone = kept.iter().filter(|index| !compiled.contains(index)).map(|index| changed(&index));
    let list: Vec<String> = new.chain(gone).collect();
    refuse(
        schema,
        &format!(
            "its indexes differ from the stored ones ({}); restore them, or copy the rows into a table of another name",
            if list.is_empty() { "their order".to_owned() } else { list.join(", ") },
        ),
    )
}

fn difference_of_fields(stored: &StoredTable, schema: &TableSchema) -> Option<String> {
    let advice = "restore it, or copy the rows into a table of another name";
    for (place, field) in schema.fields.iter().enumerate() {
        match stored.fields.get(place) {
            Some(old) if old.name == field.name && old.type_name == field.type_name => {}
            Some(old) if old.name == field.name => {
                return Some(format!(
                    "field `{}` was `{}` and is now `{}`; {advice}",
                    field.name, old.type_name, field.type_name
                ));
            }
            Some(old) => {
                return Some(format!(
                    "field {} was `{}` and is now `{}`; {advice}",
                    place + 1,
                    old.name,
                    field.name
                ));
            }
            None => return Some(format!("field `{}` is new; {advice}", field.name)),
        }
    }
    let missing = stored.fields.get(schema.fields.len())?;
    Some(format!("field `{}` is missing; {advice}", missing.name))
}

fn refuse(schema: &TableSchema, sentence: &str) -> Result<()> {
    Err(Error::Schema(SchemaError { table: schema.name.to_owned(), sentence: sentence.to_owned() }))
}
