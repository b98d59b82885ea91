//! The catalog: the tables of a database, in keyspace 0.
//!
//! The catalog is read and written in transactions like any other data, so a table that two threads
//! create at once is created once, and a crash leaves all of it or nothing. `stored` has the stored
//! form; `compare` says what a struct that differs from it means.

mod compare;
mod described;
pub(super) mod generation;
mod info;
pub(super) mod key_names;
mod keyspace_ids;
pub(super) mod keyspaces;
pub(super) mod status;
mod stored;

use std::path::Path;
use std::sync::Arc;

use self::generation::TableGeneration;
use self::keyspaces::clear_keyspace;
use crate::base::{KeyRange, KeyspaceId, SeqNo};
use crate::error::{Error, Fault, Result, SchemaError};
use crate::sync::{AtomicBool, AtomicU64, Mutex};
use crate::table::IndexSchema;
use crate::table::write::key_sequence::KeySequence;
use crate::table::write::row_count::{RowCount, row_count_key};
use crate::txn::{EntryReader, EntryScan, Txn};
use compare::{IndexAction, Plan};
pub(crate) use info::TableInfo;
pub(super) use info::{BuiltState, Compiled, DuplicateOwners, OpenIndex};
use keyspace_ids::KeyspaceIds;
pub(super) use keyspace_ids::{FIRST_KEYSPACE, allocate, next_keyspace, reserve_above};
use stored::{StoredIndex, StoredLayout, owned};
pub(super) use stored::{StoredProgress, StoredState, StoredTable, catalog_key, without_row_count};

/// The kinds of the catalog's keys.
const TABLE: u8 = b't';
const BUILD: u8 = b'b';
const MIGRATION: u8 = b'm';
const REMOVED: u8 = b'g';
const RESERVED: u8 = b'k';

/// A table after the comparison with its struct.
pub(super) enum OpenedTable {
    /// As the struct has it, except for indexes that are to be built.
    Ready(TableInfo),
    /// Its rows have older layouts. Nothing was changed except for new keyspaces of indexes: each
    /// row has to be tried, and then [`adopt`] or [`abandon`] called.
    Tried(TableInfo),
}

/// Opens the table of a struct; creates it if there is none, and changes it if the struct has
/// changed.
pub(super) fn open(txn: &Txn, compiled: &Arc<Compiled>, dir: &Path) -> Result<OpenedTable> {
    let opened = open_stored(txn, compiled, dir)?;
    let (OpenedTable::Ready(info) | OpenedTable::Tried(info)) = &opened;
    info.generation.learn(txn, compiled.schema.name)?;
    Ok(opened)
}

fn open_stored(txn: &Txn, compiled: &Arc<Compiled>, dir: &Path) -> Result<OpenedTable> {
    let Some(mut stored) = table(txn, compiled.schema.name, dir)? else {
        // The seqno of the commit that creates it is not known yet.
        let made = SeqNo(u64::MAX);
        return Ok(OpenedTable::Ready(TableInfo { made, ..info(&create(txn, compiled, dir)?, compiled) }));
    };
    let removed = catalog_key(REMOVED, compiled.schema.name.as_bytes());
    let has_generated = txn.get(&removed, |_| ())?.is_some();
    let counted =
        |info: TableInfo| TableInfo { key_sequence: Arc::new(KeySequence::new(has_generated)), ..info };
    let plan = compare::plan(&stored, compiled)?;
    if txn.session().is_some() {
        ensure_drops_nothing(&stored, compiled)?;
    }
    let before = stored.clone();
    // The rest of an unfinished trial.
    drop_pending(txn, &mut stored);
    if plan.is_new {
        return begin_trial(txn, stored, compiled, dir).map(counted).map(OpenedTable::Tried);
    }
    let table = adapt(txn, &before, stored, plan, compiled, dir)?;
    Ok(OpenedTable::Ready(counted(info(&table, compiled))))
}

fn info(table: &StoredTable, compiled: &Arc<Compiled>) -> TableInfo {
    let built = |index: &StoredIndex| match index.state {
        StoredState::Readable => Some(BuiltState::Readable { since: SeqNo::ZERO }),
        StoredState::Building | StoredState::Off => None,
    };
    TableInfo {
        schema: compiled.schema,
        compiled: Arc::clone(compiled),
        mapper: None,
        rows: KeyspaceId(table.rows),
        row_count: Arc::new(RowCount::new(table.has_row_count)),
        indexes: table
            .indexes
            .iter()
            .map(|index| OpenIndex::new(KeyspaceId(index.keyspace), built(index)))
            .collect(),
        building: Mutex::default(),
        built_count: AtomicU64::new(0),
        trial_count: AtomicU64::new(0),
        dropped: AtomicBool::new(false),
        key_sequence: Arc::default(),
        made: SeqNo::ZERO,
        generation: TableGeneration::default(),
        is_past: false,
    }
}

/// The record of a table in a snapshot.
pub(super) fn in_state(reader: EntryReader<'_>, name: &str, dir: &Path) -> Result<Option<StoredTable>> {
    let stored = reader.get(&table_key(name), StoredTable::decode)?;
    stored.transpose().map_err(|fault| unknown(name, fault, dir))
}

/// The error for a record that cannot be decoded: of a later version of this library, or damaged.
pub(super) fn unknown(name: &str, fault: Fault, dir: &Path) -> Error {
    match fault {
        Fault::Format { found, known } => {
            Error::SchemaTooNew { table: name.to_owned(), stored: found, known }
        }
        fault => fault.at(dir, 0),
    }
}

/// An error for a struct that would drop an index which another program may have: on a shared
/// engine an index is dropped by name only.
fn ensure_drops_nothing(stored: &StoredTable, compiled: &Compiled) -> Result<()> {
    let schema = &compiled.schema;
    let is_named =
        |name: &str| schema.indexes.iter().any(|index| index.name == name || index.was == Some(name));
    match stored.indexes.iter().find(|index| !is_named(&index.name)) {
        None => Ok(()),
        Some(index) => Err(Error::Schema(SchemaError {
            table: schema.name.to_owned(),
            sentence: format!(
                "the engine has an index `{0}` of it that this struct does not name, and another program may use it; give the struct                  the index, or drop it with `db.retire_index(\"{1}\", \"{0}\")`",
                index.name, schema.name
            ),
        })),
    }
}

/// Drops an index of a table by name; returns whether there was one.
pub(super) fn retire_index(txn: &Txn, name: &str, index: &str, dir: &Path) -> Result<bool> {
    let Some(mut stored) = table(txn, name, dir)? else { return Ok(false) };
    let Some(ordinal) = stored.indexes.iter().position(|stored| stored.name == index) else {
        return Ok(false);
    };
    let retired = stored.indexes.remove(ordinal);
    clear_keyspace(txn, KeyspaceId(retired.keyspace));
    write(txn, name, &stored)?;
    Ok(true)
}

fn write(txn: &Txn, name: &str, table: &StoredTable) -> Result<()> {
    txn.put(&table_key(name), &table.encode()?);
    generation::advance(txn, name)
}

/// The table of a struct in an older snapshot; empty if it did not exist. Writes nothing.
///
/// An index that the snapshot does not have, or not readable, is [`BuiltState::Absent`].
pub(super) fn past(stored: Option<&StoredTable>, compiled: &Arc<Compiled>) -> Result<TableInfo> {
    let (rows, actions) = if let Some(stored) = stored {
        (KeyspaceId(stored.rows), compare::plan(stored, compiled)?.indexes)
    } else {
        compare::ensure_newest(&compiled.schema)?;
        (KeyspaceId::EMPTY, Vec::new())
    };
    let index = |ordinal| match actions.get(ordinal) {
        Some(IndexAction::Keep(index)) if index.state == StoredState::Readable => {
            OpenIndex::new(KeyspaceId(index.keyspace), Some(BuiltState::Readable { since: SeqNo::ZERO }))
        }
        Some(_) => OpenIndex::new(KeyspaceId::EMPTY, Some(BuiltState::Absent)),
        None => OpenIndex::new(KeyspaceId::EMPTY, Some(BuiltState::Readable { since: SeqNo::ZERO })),
    };
    Ok(TableInfo {
        schema: compiled.schema,
        compiled: Arc::clone(compiled),
        mapper: None,
        rows,
        // A table that does not exist has no rows, and no sum.
        row_count: Arc::new(RowCount::new(stored.is_none_or(|stored| stored.has_row_count))),
        indexes: (0..compiled.schema.indexes.len()).map(index).collect(),
        building: Mutex::default(),
        trial_count: AtomicU64::new(0),
        built_count: AtomicU64::new(0),
        dropped: AtomicBool::new(false),
        key_sequence: Arc::default(),
        made: SeqNo::ZERO,
        generation: TableGeneration::default(),
        is_past: true,
    })
}

/// Whether an open table is still the one of its name.
pub(super) fn is_there(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<bool> {
    Ok(table(txn, info.schema.name, dir)?.is_some_and(|table| table.rows == info.rows.0))
}

/// Removes a table with all its rows and index entries; returns whether there was one.
pub(super) fn remove(txn: &Txn, name: &str, dir: &Path) -> Result<bool> {
    let Some(stored) = table(txn, name, dir)? else { return Ok(false) };
    let rows = KeyspaceId(stored.rows);
    let counters = [REMOVED, RESERVED].map(|letter| catalog_key(letter, name.as_bytes()));
    for key in [table_key(name), build_key(rows), migration_key(rows)].iter().chain(&counters) {
        txn.delete(key);
    }
    txn.delete(&row_count_key(rows));
    let indexes = stored.indexes.iter().map(|index| index.keyspace).chain(stored.pending.iter().copied());
    for id in std::iter::once(stored.rows).chain(indexes) {
        clear_keyspace(txn, KeyspaceId(id));
    }
    generation::advance(txn, name)?;
    Ok(true)
}

pub(super) fn names(scan: impl FnOnce(KeyRange) -> Result<EntryScan>) -> Result<Vec<String>> {
    names_under(scan, &table_key(""))
}

/// The rest of the catalog keys that begin with `prefix`, sorted.
pub(super) fn names_under(
    scan: impl FnOnce(KeyRange) -> Result<EntryScan>,
    prefix: &[u8],
) -> Result<Vec<String>> {
    let mut scan = scan(KeyRange::prefix(prefix))?;
    let mut names = Vec::new();
    while let Some(found) = scan.next()? {
        names.push(String::from_utf8_lossy(&found.key[prefix.len()..]).into_owned());
    }
    Ok(names)
}

/// The same with the values.
pub(super) fn entries_under(
    scan: impl FnOnce(KeyRange) -> Result<EntryScan>,
    prefix: &[u8],
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut scan = scan(KeyRange::prefix(prefix))?;
    let mut entries = Vec::new();
    while let Some(found) = scan.next()? {
        let name = String::from_utf8_lossy(&found.key[prefix.len()..]).into_owned();
        entries.push((name, found.value.load()?.to_vec()));
    }
    Ok(entries)
}

pub(super) fn stored(
    scan: impl FnOnce(KeyRange) -> Result<EntryScan>,
    dir: &Path,
) -> Result<Vec<(String, StoredTable)>> {
    let decode = |(name, bytes): (String, Vec<u8>)| Ok((name, StoredTable::decode(&bytes)?));
    let tables = entries_under(scan, &table_key(""))?.into_iter().map(decode);
    tables.collect::<Result<_, Fault>>().map_err(|fault| fault.at(dir, 0))
}

/// Marks every index of a table for a build by the next program that opens it.
pub(super) fn rebuild(txn: &Txn, name: &str, dir: &Path) -> Result<()> {
    let Some(mut stored) = table(txn, name, dir)? else { return Ok(()) };
    for index in &mut stored.indexes {
        index.state = StoredState::Building;
        clear_keyspace(txn, KeyspaceId(index.keyspace));
    }
    drop_pending(txn, &mut stored);
    txn.delete(&build_key(KeyspaceId(stored.rows)));
    txn.put(&table_key(name), &stored.encode()?);
    Ok(())
}

pub(super) fn build_key(rows: KeyspaceId) -> Vec<u8> {
    catalog_key(BUILD, &rows.prefix())
}

pub(super) fn migration_key(rows: KeyspaceId) -> Vec<u8> {
    catalog_key(MIGRATION, &rows.prefix())
}

/// The key of the greatest removed key: see `key_sequence`.
pub(super) fn removed_key(info: &TableInfo) -> Vec<u8> {
    catalog_key(REMOVED, info.schema.name.as_bytes())
}

pub(super) fn removed_key_of(name: &str) -> Vec<u8> {
    catalog_key(REMOVED, name.as_bytes())
}

/// The key of the first number that was never reserved.
pub(super) fn reserved_key(info: &TableInfo) -> Vec<u8> {
    catalog_key(RESERVED, info.schema.name.as_bytes())
}

pub(super) fn turn_off(txn: &Txn, info: &TableInfo, keyspace: KeyspaceId, dir: &Path) -> Result<()> {
    change(txn, info, dir, |table| {
        for index in table.indexes.iter_mut().filter(|index| index.keyspace == keyspace.0) {
            index.state = StoredState::Off;
        }
    })
}

pub(super) fn finish_build(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<()> {
    txn.delete(&build_key(info.rows));
    change(txn, info, dir, |table| {
        for index in table.indexes.iter_mut().filter(|index| index.state == StoredState::Building) {
            index.state = StoredState::Readable;
        }
    })
}

pub(super) fn finish_migration(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<()> {
    txn.delete(&migration_key(info.rows));
    change(txn, info, dir, |table| {
        let older = table.layouts.len().saturating_sub(1);
        table.layouts.drain(..older);
    })
}

pub(super) fn has_older_layouts(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<bool> {
    Ok(table(txn, info.schema.name, dir)?.is_some_and(|table| table.layouts.len() > 1))
}

pub(super) fn table_key(name: &str) -> Vec<u8> {
    catalog_key(TABLE, name.as_bytes())
}

fn table(txn: &Txn, name: &str, dir: &Path) -> Result<Option<StoredTable>> {
    let stored = txn.get(&table_key(name), StoredTable::decode)?;
    stored.transpose().map_err(|fault| unknown(name, fault, dir))
}

fn change(txn: &Txn, info: &TableInfo, dir: &Path, change: impl FnOnce(&mut StoredTable)) -> Result<()> {
    let mut table = table(txn, info.schema.name, dir)?.ok_or(Error::NotFound)?;
    change(&mut table);
    write(txn, info.schema.name, &table)
}

pub(super) fn keep_row_count(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<()> {
    if !is_there(txn, info, dir)? {
        return Err(Error::Dropped);
    }
    change(txn, info, dir, |table| table.has_row_count = true)
}

/// Unmarks the sum of a table: the next `len` counts the rows.
pub(super) fn forget_row_count(txn: &Txn, name: &str, dir: &Path) -> Result<()> {
    let Some(mut stored) = table(txn, name, dir)? else { return Ok(()) };
    stored.has_row_count = false;
    write(txn, name, &stored)
}

fn create(txn: &Txn, compiled: &Compiled, dir: &Path) -> Result<StoredTable> {
    let schema = &compiled.schema;
    compare::ensure_newest(schema)?;
    let mut keyspaces = KeyspaceIds::begin(txn, dir)?;
    let rows = keyspaces.next()?;
    let table = StoredTable {
        rows,
        has_row_count: txn.session().is_none(),
        layouts: vec![StoredLayout::of(schema, compiled.shape.clone())],
        primary_key: owned(schema.primary_key),
        key_shape: Some(compiled.key.clone()),
        indexes: new_indexes(compiled, &mut keyspaces, StoredState::Readable)?,
        pending: Vec::new(),
    };
    keyspaces.end(txn);
    write(txn, schema.name, &table)?;
    Ok(table)
}

/// New indexes for a struct, each in a keyspace of its own.
fn new_indexes(
    compiled: &Compiled,
    keyspaces: &mut KeyspaceIds,
    state: StoredState,
) -> Result<Vec<StoredIndex>> {
    let indexes = compiled.schema.indexes.iter().enumerate();
    indexes
        .map(|(at, index)| Ok(StoredIndex::of(index, compiled.shapes(at), keyspaces.next()?, state)))
        .collect()
}

/// Changes a stored table to what a struct with the version of its rows has. `before` is the stored
/// record.
fn adapt(
    txn: &Txn,
    before: &StoredTable,
    stored: StoredTable,
    plan: Plan,
    compiled: &Compiled,
    dir: &Path,
) -> Result<StoredTable> {
    let (builds, schema) = (plan.builds(), &compiled.schema);
    let mut keyspaces = KeyspaceIds::begin(txn, dir)?;
    let index = |(at, fate)| match fate {
        IndexAction::Keep(kept) => Ok(kept),
        IndexAction::Build => Ok(StoredIndex::of(
            &schema.indexes[at],
            compiled.shapes(at),
            keyspaces.next()?,
            StoredState::Building,
        )),
    };
    let indexes = plan.indexes.into_iter().enumerate().map(index).collect::<Result<_>>()?;
    let table = StoredTable {
        layouts: plan.layouts,
        primary_key: owned(schema.primary_key),
        key_shape: Some(compiled.key.clone()),
        indexes,
        ..stored
    };
    if table == *before {
        return Ok(table);
    }
    keyspaces.end(txn);
    if builds {
        // Half-built indexes start over with the new ones: one pass over the rows for all.
        txn.delete(&build_key(KeyspaceId(table.rows)));
    }
    for keyspace in plan.dropped {
        clear_keyspace(txn, KeyspaceId(keyspace));
    }
    write(txn, schema.name, &table)?;
    Ok(table)
}

/// Allocates keyspaces for the indexes of a layout that is to be tried. The table stays as it is.
fn begin_trial(
    txn: &Txn,
    mut stored: StoredTable,
    compiled: &Arc<Compiled>,
    dir: &Path,
) -> Result<TableInfo> {
    let mut keyspaces = KeyspaceIds::begin(txn, dir)?;
    let indexes = new_indexes(compiled, &mut keyspaces, StoredState::Building)?;
    keyspaces.end(txn);
    stored.pending = indexes.iter().map(|index| index.keyspace).collect();
    write(txn, compiled.schema.name, &stored)?;
    Ok(info(&StoredTable { indexes, ..stored }, compiled))
}

/// Adopts a layout that was tried, after every row was decoded in it and entered in the indexes of
/// `info`. The indexes at the ordinals of `off` are unique, and rows have the same value.
pub(super) fn adopt(txn: &Txn, info: &TableInfo, off: &[usize], dir: &Path) -> Result<()> {
    let compiled = &info.compiled;
    let stored = table(txn, compiled.schema.name, dir)?.ok_or(Error::NotFound)?;
    let plan = compare::plan(&stored, compiled)?;
    if stored.pending.iter().ne(info.indexes.iter().map(|index| &index.keyspace.0)) {
        return Err(info.refusal(
            "another program has opened it while its newer layout was tried; open it again".into(),
        ));
    }
    let state = |at| if off.contains(&at) { StoredState::Off } else { StoredState::Readable };
    let index = |(at, (index, open)): (usize, (&IndexSchema, &OpenIndex))| {
        StoredIndex::of(index, compiled.shapes(at), open.keyspace.0, state(at))
    };
    let indexes = compiled.schema.indexes.iter().zip(&info.indexes).enumerate().map(index).collect();
    for old in &stored.indexes {
        clear_keyspace(txn, KeyspaceId(old.keyspace));
    }
    // The progress of a migration to an older layout does not apply to this one.
    for key in [build_key(info.rows), migration_key(info.rows)] {
        txn.delete(&key);
    }
    let table = StoredTable {
        layouts: plan.layouts,
        primary_key: owned(compiled.schema.primary_key),
        key_shape: Some(compiled.key.clone()),
        indexes,
        pending: Vec::new(),
        ..stored
    };
    write(txn, compiled.schema.name, &table)?;
    info.generation.learn(txn, compiled.schema.name)
}

/// Drops what was entered for a layout that was tried.
pub(super) fn abandon(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<()> {
    change(txn, info, dir, |table| drop_pending(txn, table))
}

fn drop_pending(txn: &Txn, table: &mut StoredTable) {
    for keyspace in table.pending.drain(..) {
        clear_keyspace(txn, KeyspaceId(keyspace));
    }
}
