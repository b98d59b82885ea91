//! The handle of a table without its struct.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::description::Description;
use super::mapper::Mapper;
use super::query::Query;
use super::record::DynamicRow;
use super::scan::Rows;
use super::value::Value;
use crate::base::KeyRange;
use crate::engine::VerifyReport;
use crate::error::{Error, Result, SchemaError, ValueError};
use crate::sync::Mutex;
use crate::table::catalog::{self, StoredTable, TableInfo};
use crate::table::key::KeyWriter;
use crate::table::maintenance::sweep::sweep;
use crate::table::maintenance::verify::{self, Findings};
use crate::table::source::{Access, ReadWrite, Source, WriteAccess};
use crate::table::write::key_sequence::KeySequence;
use crate::table::write::mutate::{Mutation, PREFIX};
use crate::table::write::row_count::RowCount;
use crate::txn::{EntryReader, Txn};

/// A table by its stored schema: rows are [`Value`]s, and no struct is needed.
///
/// [`Database::dynamic`](crate::Database::dynamic) opens one, and so do transactions and snapshots.
/// Keys, index entries, unique values, limits and durability are those of a
/// [`DefaultTable`](crate::DefaultTable), as both go through the same statements. Handles of both
/// kinds may be used at the same time.
///
/// Rows of a table with a computed index are read, and not written: only the program can compute
/// its entries. A type that checks what it reads, such as one for addresses of mail, is known here
/// by its form alone: a value that it would refuse is stored, and then the program cannot read that
/// row.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walnut::dynamic::{Query, Value};
/// use walnut::{Database, Table};
///
/// #[derive(Table, Serialize, Deserialize)]
/// #[table(name = "users")]
/// struct User {
///     #[primary_key]
///     id: u64,
///     #[index]
///     age: u8,
/// }
///
/// let db = Database::in_memory()?;
/// db.table::<User>()?.insert(&User { id: 1, age: 30 })?;
///
/// let users = db.dynamic("users")?;
/// users.insert(&Value::row([("id", Value::from(2)), ("age", Value::from(20))]))?;
/// let adults = users.scan(&Query::index("age").from(18).rev())?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(adults[0].field("id"), Some(&Value::from(1)));
/// assert_eq!(users.get(2)?.unwrap().field("age"), Some(&Value::from(20)));
/// # Ok::<(), walnut::Error>(())
/// ```
pub struct DynamicTable<M = ReadWrite> {
    source: Source,
    name: Arc<str>,
    /// The last catalog record and the table made of it.
    opened: Arc<Mutex<Option<CatalogRecord>>>,
    types: PhantomData<fn() -> M>,
}

/// What [`DynamicTable::sweep`] found and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SweepCounts {
    /// Rows that were looked at.
    pub row_count: u64,
    /// Index entries that were looked at.
    pub entry_count: u64,
    /// Entries that no row had, and that were removed.
    pub removed_count: u64,
    /// Entries that rows were missing, and that were added.
    pub added_count: u64,
    /// Rows that the stored schema does not read, of which nothing was changed.
    pub unreadable_count: u64,
    /// Unique values of rows that another row owns.
    pub duplicate_count: u64,
    /// By how much the row count was too large, or too small if below zero, before it was
    /// corrected.
    pub row_count_difference: i64,
}

/// A record of the catalog, and its table.
#[derive(Clone)]
struct CatalogRecord {
    record: Arc<[u8]>,
    info: Arc<TableInfo>,
}

impl<M: Access> DynamicTable<M> {
    /// The table of this name; an error that lists the tables if there is none.
    pub(crate) fn open(source: Source, name: &str) -> Result<Self> {
        let table = Self { source, name: name.into(), opened: Arc::default(), types: PhantomData };
        match table.source.read(|reader| table.info_in(reader)) {
            Ok(_) => Ok(table),
            Err(Error::Dropped) => Err(Error::Schema(SchemaError {
                table: name.to_owned(),
                sentence: "the database has no table of this name".to_owned(),
            })),
            Err(error) => Err(error),
        }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the table looks like now.
    pub fn describe(&self) -> Result<Description> {
        self.source.read(|reader| {
            let info = self.info_in(reader)?;
            let stored = self.stored(reader)?.ok_or(Error::Dropped)?;
            Ok(Description::new(&stored, &info, mapper_of(&info)?))
        })
    }

    /// The row with a primary key; one of several columns is a list.
    ///
    /// Cost: that of [`DefaultTable::get`](crate::DefaultTable::get) and a look at the catalog.
    pub fn get(&self, key: impl Into<Value>) -> Result<Option<Value>> {
        let key = key.into();
        self.source.read(|reader| {
            let info = self.info_in(reader)?;
            let key = row_key(&info, &key)?;
            let Some(sought) = key.sought() else { return Ok(None) };
            let row =
                reader.get(sought, |bytes| mapper_of(&info).map(|mapper| mapper.open(bytes)))?.transpose()?;
            row.transpose().map_err(|fault| info.unreadable(&sought[PREFIX..], fault))
        })
    }

    /// The row that owns a value of a unique index; one of several parts is a list.
    pub fn get_by(&self, index: &str, value: impl Into<Value>) -> Result<Option<Value>> {
        let query = match value.into() {
            Value::List(parts) => parts.into_iter().fold(Query::index(index), Query::prefix),
            value => Query::index(index).prefix(value),
        };
        self.scan(&query)?.next().transpose()
    }

    /// The rows of a query, of the state of now.
    pub fn scan(&self, query: &Query) -> Result<Rows> {
        // The scan pins the snapshot in which the catalog is read.
        let walk = self.source.scan(KeyRange::prefix(&catalog::table_key(&self.name)))?;
        let info = self.info_in(walk.state().reader())?;
        Rows::new(info, walk, query)
    }

    /// The number of rows of a query.
    pub fn count(&self, query: &Query) -> Result<u64> {
        if query.is_all() {
            let info = self.source.read(|reader| self.info_in(reader))?;
            if let Some(count) = self.source.len(&info)? {
                return Ok(count);
            }
        }
        self.scan(query)?.count()
    }

    /// The row count, if the table has one, at the cost of a look-up: see
    /// [`DefaultTable::len`](crate::DefaultTable::len). [`count`](Self::count) counts the rows of a
    /// table that has none.
    pub fn row_count(&self) -> Result<Option<u64>> {
        let info = self.source.read(|reader| self.info_in(reader))?;
        self.source.row_count(&info)
    }

    /// Compares every row with its key and its index entries, as
    /// [`Database::verify`](crate::Database::verify) does for open tables. Indexes that a program
    /// computes are left out.
    ///
    /// Cost: reads every row and every entry, and looks up every entry of every row.
    pub fn verify(&self) -> Result<VerifyReport> {
        let info = self.source.read(|reader| self.info_in(reader))?;
        let mapper = mapper_of(&info)?;
        ensure_derived(&info, mapper)?;
        let stored = self.source.read(|reader| self.stored(reader))?.ok_or(Error::Dropped)?;
        let (key_sequence, row_count) = (Arc::clone(&info.key_sequence), Arc::clone(&info.row_count));
        let derived = stored
            .describe(&self.name, key_sequence, row_count)?
            .only_indexes(|index| mapper.is_derived(index));
        let (mut verified, mut findings) = (VerifyReport::default(), Findings::default());
        let range = KeyRange::prefix(&derived.rows.prefix());
        let rows = match &self.source {
            Source::Database(store) | Source::Remote(store) => store.scan_now(range)?,
            Source::Snapshot(snapshot) => snapshot.scan(range)?,
            Source::Transaction(_) => return Err(Error::Unsupported("`verify` in a transaction")),
        };
        verify::table::<DynamicRow<'_>>(rows, &derived, &mut verified, &mut findings)?;
        findings.into_result().map(|()| verified)
    }

    fn info_in(&self, reader: EntryReader<'_>) -> Result<Arc<TableInfo>> {
        let record = reader.get(&catalog::table_key(&self.name), <[u8]>::to_vec)?.ok_or(Error::Dropped)?;
        if let Some(opened) = self.opened.lock().clone()
            && *opened.record == *record
        {
            return Ok(opened.info);
        }
        let stored = StoredTable::decode(&record).map_err(|fault| self.source.corruption(fault))?;
        let has_generated = reader.contains(&catalog::removed_key_of(&self.name))?;
        let (mut key_sequence, mut row_count) =
            (Arc::new(KeySequence::new(has_generated)), Arc::new(RowCount::new(stored.has_row_count)));
        // A read-only handle generates no keys, and its state is the only one.
        if let Ok(store) = self.source.store() {
            key_sequence = store.key_sequence_of(stored.keyspace(), key_sequence);
            row_count = store.row_count_of(stored.keyspace(), row_count);
        }
        let info = Arc::new(stored.describe(&self.name, key_sequence, row_count)?);
        *self.opened.lock() = Some(CatalogRecord { record: record.into(), info: Arc::clone(&info) });
        Ok(info)
    }

    fn stored(&self, reader: EntryReader<'_>) -> Result<Option<StoredTable>> {
        let stored = reader.get(&catalog::table_key(&self.name), StoredTable::decode)?;
        stored.transpose().map_err(|fault| self.source.corruption(fault))
    }
}

impl DynamicTable {
    /// Makes the indexes agree with the rows, as
    /// [`DefaultTable::sweep`](crate::DefaultTable::sweep) does: batch by batch, each a commit of
    /// its own. Indexes that a program computes are left as they are.
    ///
    /// Cost: reads every row and every entry, and looks up every entry of every row.
    pub fn sweep(&self) -> Result<SweepCounts> {
        let store = self.source.database().ok_or(Error::Unsupported("`sweep` in a transaction"))?;
        let info = self.source.read(|reader| self.info_in(reader))?;
        let mapper = mapper_of(&info)?;
        ensure_derived(&info, mapper)?;
        let is_swept = |index: &usize| mapper.is_derived(*index) && info.indexes[*index].is_readable();
        let indexes: Vec<usize> = (0..info.indexes.len()).filter(is_swept).collect();
        let swept = sweep::<DynamicRow<'_>>(store, &info, &indexes)?;
        Ok(SweepCounts {
            row_count: swept.row_count,
            entry_count: swept.entry_count,
            removed_count: swept.removed_count,
            added_count: swept.added_count,
            unreadable_count: swept.unreadable_count,
            duplicate_count: swept.duplicate_count,
            row_count_difference: swept.row_count_difference,
        })
    }
}

impl<M: WriteAccess> DynamicTable<M> {
    /// Adds a row. A column that may be missing may be left out.
    ///
    /// [`Error::UniqueViolation`] when its primary key or one of its unique values exists;
    /// [`Error::Value`] when a value does not fit its column.
    pub fn insert(&self, row: &Value) -> Result<()> {
        self.change(|rows| rows.insert(&DynamicRow::of(row, rows.info)?))
    }

    /// Adds rows in one commit; all of them or none.
    pub fn insert_many<'v>(&self, rows: impl IntoIterator<Item = &'v Value>) -> Result<()> {
        let values: Vec<&Value> = rows.into_iter().collect();
        self.change(|rows| {
            let records =
                values.iter().map(|row| DynamicRow::of(row, rows.info)).collect::<Result<Vec<_>>>()?;
            rows.insert_many(&records.iter().collect::<Vec<_>>())
        })
    }

    /// Adds a row, or puts it in the place of the one with its primary key, which is returned.
    pub fn upsert(&self, row: &Value) -> Result<Option<Value>> {
        let old = self.change(|rows| rows.upsert(&DynamicRow::of(row, rows.info)?))?;
        Ok(old.map(|row| row.value.into_owned()))
    }

    /// The same for many rows in one commit.
    pub fn upsert_many<'v>(&self, rows: impl IntoIterator<Item = &'v Value>) -> Result<Vec<Option<Value>>> {
        let values: Vec<&Value> = rows.into_iter().collect();
        let old = self.change(|rows| {
            let records =
                values.iter().map(|row| DynamicRow::of(row, rows.info)).collect::<Result<Vec<_>>>()?;
            rows.upsert_many(&records.iter().collect::<Vec<_>>())
        })?;
        Ok(old.into_iter().map(|old| old.map(|row| row.value.into_owned())).collect())
    }

    /// Puts a row in the place of the one with its primary key, which is returned;
    /// [`Error::NotFound`] when there is none.
    pub fn replace(&self, row: &Value) -> Result<Value> {
        self.change(|rows| rows.replace(&DynamicRow::of(row, rows.info)?)).map(|row| row.value.into_owned())
    }

    /// Changes the row with a primary key, and returns it as it is then; nothing when there is
    /// none. The function may be called more than once. The primary key must stay.
    pub fn modify(&self, key: impl Into<Value>, mut change: impl FnMut(&mut Value)) -> Result<Option<Value>> {
        let key = key.into();
        let row = self.change(|rows| {
            let key = row_key(rows.info, &key)?;
            let Some(sought) = key.sought() else { return Ok(None) };
            let mut failure = None;
            let modified = rows.modify::<DynamicRow<'_>>(sought, |row| {
                change(row.value.to_mut());
                match DynamicRow::of(&row.value, rows.info).map(DynamicRow::into_owned) {
                    Ok(changed) => *row = changed,
                    Err(error) => failure = Some(error),
                }
            });
            failure.map_or(modified, Err)
        })?;
        Ok(row.map(|row| row.value.into_owned()))
    }

    /// Removes the row with a primary key, and returns it.
    pub fn remove(&self, key: impl Into<Value>) -> Result<Option<Value>> {
        let key = key.into();
        let row = self.change(|rows| {
            let key = row_key(rows.info, &key)?;
            let Some(sought) = key.sought() else { return Ok(None) };
            rows.remove::<DynamicRow<'_>>(sought)
        })?;
        Ok(row.map(|row| row.value.into_owned()))
    }

    /// Removes the rows of a query in one commit, and returns how many there were.
    pub fn remove_all(&self, query: &Query) -> Result<u64> {
        self.change_in(|txn, info, rows| {
            let walk = txn.scan(KeyRange::prefix(&catalog::table_key(&self.name)))?;
            let mut found = Rows::new(Arc::clone(info), walk, query)?;
            let mut keys = Vec::new();
            while found.step(false)? {
                keys.push(rows.info.key_of_row(found.primary_key()));
            }
            drop(found);
            let keys = keys.iter().map(KeyWriter::finish).collect::<Result<Vec<_>>>()?;
            // An index may have returned a row more than once; only the first removal counts.
            rows.remove_many::<DynamicRow<'_>>(&keys, |_| ())
        })
    }

    fn change<R>(&self, mut statement: impl FnMut(&Mutation<'_>) -> Result<R>) -> Result<R> {
        self.change_in(|_, _, rows| statement(rows))
    }

    /// Runs a statement on the table of the statement's own snapshot, whose catalog record is in
    /// the read set: a change of it is a conflict.
    fn change_in<R>(
        &self,
        mut statement: impl FnMut(&Txn, &Arc<TableInfo>, &Mutation<'_>) -> Result<R>,
    ) -> Result<R> {
        self.source.change(&mut |txn| {
            let info = txn.read(|reader| self.info_in(reader))?;
            if let Some(reason) = mapper_of(&info)?.refusal() {
                return Err(info.refusal(format!("its rows cannot be written without its program: {reason}")));
            }
            statement(txn, &info, &Mutation::new(txn, &info, self.source.store()?))
        })
    }
}

/// An error if keys and entries of rows are unknown: their shape is, or rows of older layouts are
/// left, whose entries depend on their migration.
fn ensure_derived(info: &TableInfo, mapper: &Mapper) -> Result<()> {
    if !mapper.knows_rows() {
        return Err(info.refusal(
            "the catalog does not know the whole form of its rows, or how its primary key is encoded"
                .to_owned(),
        ));
    }
    if mapper.has_older_layouts() {
        return Err(info.refusal(
            "rows of an older layout are left, and which index entries these have is known to its program alone; run \
             `migrate_all` there"
                .to_owned(),
        ));
    }
    Ok(())
}

fn mapper_of(info: &TableInfo) -> Result<&Mapper> {
    info.mapper.as_deref().ok_or(Error::Unsupported("a table that was opened by its struct"))
}

fn row_key(info: &TableInfo, value: &Value) -> Result<KeyWriter> {
    let key = &mapper_of(info)?.key;
    let Some(codec) = &key.codec else {
        return Err(info.refusal("how its primary key is encoded is known to its program alone".to_owned()));
    };
    let mut out = KeyWriter::new(&info.rows.prefix());
    codec.encode(value, &mut out).map_err(|problem| {
        Error::Value(ValueError::new(info.schema.name, &key.columns.join(", "), problem))
    })?;
    Ok(out)
}

impl<M> Clone for DynamicTable<M> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            name: Arc::clone(&self.name),
            opened: Arc::clone(&self.opened),
            types: PhantomData,
        }
    }
}

impl<M> fmt::Debug for DynamicTable<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicTable").field("name", &self.name).finish_non_exhaustive()
    }
}
