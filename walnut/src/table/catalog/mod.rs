//! Which tables there are: keyspace 0.
//!
//! The catalog is read and written in transactions like any other data, so that a table that is made by two threads at
//! once is made once, and a crash leaves all of it or nothing. What is stored there stands in `stored`; what a struct that
//! differs from it means, in `compare`.

mod compare;
mod info;
mod stored;

use std::path::Path;

use super::TableSchema;
use super::spaces::drop_keyspace;
use crate::base::{KeyRange, KeyspaceId, SeqNo};
use crate::engine::Engine;
use crate::error::{Error, Fault, Result};
use crate::sync::{AtomicBool, AtomicU64, Mutex};
use crate::txn::{Attempt, EntryReader};
use compare::Fate;
pub(crate) use info::TableInfo;
pub(super) use info::{Duplicate, OpenIndex, Settled};
use stored::{StoredIndex, StoredLayout, StoredState, StoredTable, owned};
pub(super) use stored::{StoredProgress, catalog_key};

/// The first keyspace that a table gets; those below are the store's own.
const FIRST_KEYSPACE: u32 = 16;

/// The letters of the catalog's keys.
const NEXT_KEYSPACE: u8 = b'n';
const TABLE: u8 = b't';
const BUILD: u8 = b'b';
const MIGRATION: u8 = b'm';

/// Opens the table of `schema`, making it when there is none, and changing it where the struct has changed.
pub(super) fn open(attempt: &Attempt, schema: &TableSchema, dir: &Path) -> Result<TableInfo> {
    let table = match table(attempt, schema.name, dir)? {
        Some(stored) => adapt(attempt, &stored, schema, dir)?,
        None => create(attempt, schema, dir)?,
    };
    Ok(info(&table, schema))
}

fn info(table: &StoredTable, schema: &TableSchema) -> TableInfo {
    let settled = |index: &StoredIndex| match index.state {
        StoredState::Readable => Some(Settled::Readable { since: SeqNo::ZERO }),
        StoredState::Building | StoredState::Off => None,
    };
    TableInfo {
        schema: *schema,
        rows: KeyspaceId(table.rows),
        indexes: table
            .indexes
            .iter()
            .map(|index| OpenIndex::new(KeyspaceId(index.keyspace), settled(index)))
            .collect(),
        building: Mutex::default(),
        built_count: AtomicU64::new(0),
        dropped: AtomicBool::new(false),
    }
}

/// The table of `schema` as a state has it, when that is another one than the `live` one, which has its name now.
///
/// [`Error::Unsupported`] when the struct has other indexes now than that one had.
pub(super) fn find(
    reader: EntryReader<'_>,
    schema: &TableSchema,
    live: &TableInfo,
    dir: &Path,
) -> Result<Option<TableInfo>> {
    let stored = reader.get(&table_key(schema.name), StoredTable::decode)?;
    let Some(mut stored) = stored.transpose().map_err(|fault| fault.at(dir, 0))? else { return Ok(None) };
    if stored.rows == live.rows.0 {
        return Ok(None);
    }
    let plan = compare::plan(&stored, schema)?;
    let kept = |fate| match fate {
        Fate::Keep(index) if index.state == StoredState::Readable => Ok(index),
        _ => Err(Error::Unsupported("reading a dropped table whose indexes were not those of the struct")),
    };
    stored.indexes = plan.indexes.into_iter().map(kept).collect::<Result<_>>()?;
    Ok(Some(info(&stored, schema)))
}

/// Removes a table with all its rows and index entries; says whether there was one.
pub(super) fn remove(attempt: &Attempt, name: &str, dir: &Path) -> Result<bool> {
    let Some(stored) = table(attempt, name, dir)? else { return Ok(false) };
    let rows = KeyspaceId(stored.rows);
    for key in [table_key(name), build_key(rows), migration_key(rows)] {
        attempt.delete(&key);
    }
    for id in std::iter::once(stored.rows).chain(stored.indexes.iter().map(|index| index.keyspace)) {
        drop_keyspace(attempt, KeyspaceId(id));
    }
    Ok(true)
}

/// An id for a new keyspace.
pub(super) fn allocate(attempt: &Attempt, dir: &Path) -> Result<KeyspaceId> {
    let mut keyspaces = Keyspaces::begin(attempt, dir)?;
    let id = keyspaces.next()?;
    keyspaces.end(attempt);
    Ok(KeyspaceId(id))
}

/// The names of all tables, sorted.
pub(super) fn names(engine: &Engine) -> Result<Vec<String>> {
    names_under(engine, &table_key(""))
}

/// What follows `prefix` in the keys of the catalog that begin with it, sorted.
pub(super) fn names_under(engine: &Engine, prefix: &[u8]) -> Result<Vec<String>> {
    let mut scan = engine.scan(KeyRange::prefix(prefix))?;
    let mut names = Vec::new();
    while let Some(found) = scan.next()? {
        names.push(String::from_utf8_lossy(&found.key[prefix.len()..]).into_owned());
    }
    Ok(names)
}

/// Where it is noted how far the indexes of a table are built.
pub(super) fn build_key(rows: KeyspaceId) -> Vec<u8> {
    catalog_key(BUILD, &rows.prefix())
}

/// Where it is noted how far the rows of a table are migrated.
pub(super) fn migration_key(rows: KeyspaceId) -> Vec<u8> {
    catalog_key(MIGRATION, &rows.prefix())
}

/// Turns the index in a keyspace off.
pub(super) fn turn_off(attempt: &Attempt, info: &TableInfo, keyspace: KeyspaceId, dir: &Path) -> Result<()> {
    change(attempt, info, dir, |table| {
        for index in table.indexes.iter_mut().filter(|index| index.keyspace == keyspace.0) {
            index.state = StoredState::Off;
        }
    })
}

/// Notes that every index that was being built has all its entries.
pub(super) fn finish_build(attempt: &Attempt, info: &TableInfo, dir: &Path) -> Result<()> {
    attempt.delete(&build_key(info.rows));
    change(attempt, info, dir, |table| {
        for index in table.indexes.iter_mut().filter(|index| index.state == StoredState::Building) {
            index.state = StoredState::Readable;
        }
    })
}

/// Notes that every row has the newest layout.
pub(super) fn finish_migration(attempt: &Attempt, info: &TableInfo, dir: &Path) -> Result<()> {
    attempt.delete(&migration_key(info.rows));
    change(attempt, info, dir, |table| {
        let older = table.layouts.len().saturating_sub(1);
        table.layouts.drain(..older);
    })
}

/// Whether rows of an older layout may be left.
pub(super) fn has_older_layouts(attempt: &Attempt, info: &TableInfo, dir: &Path) -> Result<bool> {
    Ok(table(attempt, info.schema.name, dir)?.is_some_and(|table| table.layouts.len() > 1))
}

fn table_key(name: &str) -> Vec<u8> {
    catalog_key(TABLE, name.as_bytes())
}

fn table(attempt: &Attempt, name: &str, dir: &Path) -> Result<Option<StoredTable>> {
    let stored = attempt.get(&table_key(name), StoredTable::decode)?;
    stored.transpose().map_err(|fault| fault.at(dir, 0))
}

fn change(
    attempt: &Attempt,
    info: &TableInfo,
    dir: &Path,
    change: impl FnOnce(&mut StoredTable),
) -> Result<()> {
    let mut table = table(attempt, info.schema.name, dir)?.ok_or(Error::NotFound)?;
    change(&mut table);
    attempt.put(&table_key(info.schema.name), &table.encode()?);
    Ok(())
}

fn create(attempt: &Attempt, schema: &TableSchema, dir: &Path) -> Result<StoredTable> {
    compare::ensure_newest(schema)?;
    let mut keyspaces = Keyspaces::begin(attempt, dir)?;
    let rows = keyspaces.next()?;
    let index = |index| Ok(StoredIndex::of(index, keyspaces.next()?, StoredState::Readable));
    let table = StoredTable {
        rows,
        layouts: vec![StoredLayout::of(schema)],
        primary_key: owned(schema.primary_key),
        indexes: schema.indexes.iter().map(index).collect::<Result<_>>()?,
    };
    keyspaces.end(attempt);
    attempt.put(&table_key(schema.name), &table.encode()?);
    Ok(table)
}

/// Makes of a stored table what a struct asks for.
fn adapt(attempt: &Attempt, stored: &StoredTable, schema: &TableSchema, dir: &Path) -> Result<StoredTable> {
    let plan = compare::plan(stored, schema)?;
    let builds = plan.builds();
    let mut keyspaces = Keyspaces::begin(attempt, dir)?;
    let index = |(fate, index)| match fate {
        Fate::Keep(kept) => Ok(kept),
        Fate::Build => Ok(StoredIndex::of(index, keyspaces.next()?, StoredState::Building)),
    };
    let indexes = plan.indexes.into_iter().zip(schema.indexes).map(index).collect::<Result<_>>()?;
    let table = StoredTable {
        rows: stored.rows,
        layouts: plan.layouts,
        primary_key: owned(schema.primary_key),
        indexes,
    };
    if table == *stored {
        return Ok(table);
    }
    keyspaces.end(attempt);
    if builds {
        // Those that are half built begin again with the new ones: one pass over the rows for all.
        attempt.delete(&build_key(KeyspaceId(table.rows)));
    }
    for keyspace in plan.dropped {
        drop_keyspace(attempt, KeyspaceId(keyspace));
    }
    attempt.put(&table_key(schema.name), &table.encode()?);
    Ok(table)
}

/// Gives keyspace ids.
struct Keyspaces {
    next: u32,
}

impl Keyspaces {
    fn begin(attempt: &Attempt, dir: &Path) -> Result<Self> {
        let key = catalog_key(NEXT_KEYSPACE, &[]);
        let stored = attempt.get(&key, |bytes| bytes.try_into().map(u32::from_le_bytes))?;
        let next = match stored {
            None => FIRST_KEYSPACE,
            Some(stored) => {
                stored.map_err(|_| Fault::Invalid("keyspace counter of the catalog").at(dir, 0))?
            }
        };
        Ok(Self { next })
    }

    fn next(&mut self) -> Result<u32> {
        let keyspace = self.next;
        self.next = keyspace.checked_add(1).ok_or(Error::Unsupported("more than four billion keyspaces"))?;
        Ok(keyspace)
    }

    fn end(self, attempt: &Attempt) {
        attempt.put(&catalog_key(NEXT_KEYSPACE, &[]), &self.next.to_le_bytes());
    }
}
