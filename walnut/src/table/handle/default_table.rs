//! The handle of a table: everything that can be done to its rows.

#![expect(clippy::needless_pass_by_value, reason = "points are passed by value, so that literals are enough")]

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{Error, Fault, Result};
use crate::table::catalog::TableInfo;
use crate::table::catalog::status::{self, IndexStatus};
use crate::table::key::{Composite, Key, KeyRangeArg, KeyWriter};
use crate::table::maintenance::migrate::{self, MigrationReport};
use crate::table::maintenance::sweep::{SweepReport, sweep};
use crate::table::row;
use crate::table::scan::{Rest, Scan};
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::source::{Access, ReadWrite, Reads, Source, WriteAccess, with_reads};
use crate::table::write::mutate::{Mutation, PREFIX, engine_key};

/// Keys of a `get_many` that are encoded at a time.
const BATCH_COUNT: usize = 32;

/// How a primary key of `T` is passed: numbers by value, `&str` for a `String`, tuples of these.
type KeyRef<'k, T> = <<T as crate::table::Table>::PrimaryKey as Key>::Ref<'k>;

pub(in crate::table) type PrimaryKey<T> = <T as crate::table::Table>::PrimaryKey;

type RowScan<T, M, R = ()> = Scan<'static, T, PrimaryKey<T>, R, M>;

/// A key that is never stored: the last keyspace id is not used.
const NOWHERE: &[u8] = &[u8::MAX; 4];

/// A typed table.
///
/// [`Database::table`](crate::Database::table) returns a `DefaultTable<T>`: it can be cloned, kept
/// and sent to other threads, and each call is a transaction of its own. All rows and indexes that
/// a call changes are changed at once or not at all, also when the process is killed in the middle
/// of it.
///
/// [`Transaction::table`](crate::Transaction::table) returns one, too: its calls are statements of
/// the transaction. So a function that takes a `&DefaultTable<T>` works in a transaction and out of
/// one. [`Snapshot::table`](crate::Snapshot::table) returns a `DefaultTable<T, ReadOnly>`, which
/// has no method that writes.
///
/// Costs are given in block reads, which go to the disk only when the block is not in the cache; "a
/// look-up" is at most one block read for each run of sorted files that may hold the key.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walnut::{Database, Table};
///
/// #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
/// struct User {
///     #[primary_key]
///     id: u64,
///     #[index(unique)]
///     email: String,
/// }
///
/// let db = Database::in_memory()?;
/// let users = db.table::<User>()?;
/// users.insert(&User { id: 1, email: "ann@x.org".into() })?;
/// assert_eq!(users.get(1)?.map(|user| user.email), Some("ann@x.org".into()));
/// # Ok::<(), walnut::Error>(())
/// ```
pub struct DefaultTable<T, M = ReadWrite> {
    source: Source,
    info: Arc<TableInfo>,
    types: PhantomData<fn() -> (T, M)>,
}

impl<T: Table, M: Access> DefaultTable<T, M> {
    pub(in crate::table) fn new(source: Source, info: Arc<TableInfo>) -> Self {
        Self { source, info, types: PhantomData }
    }

    pub(in crate::table) fn source(&self) -> &Source {
        &self.source
    }

    pub(in crate::table) fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    /// The state of each index, in the order of the struct. Reads nothing.
    ///
    /// An index that a struct was given after its table had rows is built when the table is opened
    /// for the first time in a process. [`Database::table`](crate::Database::table) returns when
    /// that is done; a handle that another thread opens meanwhile reads and writes rows at once,
    /// and shows the progress here.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, IndexState, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let db = Database::in_memory()?;
    /// # let users = db.table::<User>()?;
    /// for index in users.index_status()? {
    ///     match index.state {
    ///         IndexState::Readable => println!("{} is ready", index.name),
    ///         IndexState::Building { row_count } => println!("{}: {row_count} rows entered", index.name),
    ///         IndexState::Off { duplicates } => println!("{} is off: {duplicates:?} agree", index.name),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn index_status(&self) -> Result<Vec<IndexStatus<T::PrimaryKey>>> {
        status::of::<T>(&self.info).map_err(|fault| self.source.corruption(fault))
    }

    /// An error unless the index can be read in the snapshot of this handle.
    #[inline]
    pub(in crate::table) fn ensure_readable(&self, ordinal: usize) -> Result<()> {
        self.source.ensure_readable::<T>(&self.info, ordinal)
    }

    /// The indexes, one field each, by name: `users.by().email.get("ann@x.org")`.
    pub fn by(&self) -> T::By<'_, M> {
        T::by(self)
    }

    /// The row with this primary key.
    ///
    /// Cost: a look-up.
    pub fn get(&self, key: KeyRef<'_, T>) -> Result<Option<T>> {
        with_reads!(&self.source, |reads| self.get_of(reads, key))
    }

    /// Whether there is a row with this primary key. Decodes nothing.
    ///
    /// Cost: a look-up.
    pub fn contains(&self, key: KeyRef<'_, T>) -> Result<bool> {
        let key = self.row_key(&key);
        let Some(key) = key.sought() else { return Ok(false) };
        with_reads!(&self.source, |reads| reads.contains(key))
    }

    /// The rows with these primary keys, in the order of the keys, all of one snapshot.
    ///
    /// Cost: a look-up each.
    pub fn get_many<'k>(&self, keys: impl IntoIterator<Item = KeyRef<'k, T>>) -> Result<Vec<Option<T>>> {
        let mut points = keys.into_iter();
        let mut rows = Vec::with_capacity(points.size_hint().0);
        self.source.read(|reader| {
            let mut keys = Vec::with_capacity(points.size_hint().0.clamp(1, BATCH_COUNT));
            loop {
                keys.clear();
                keys.extend(points.by_ref().take(BATCH_COUNT).map(|point| self.row_key(&point)));
                if keys.is_empty() {
                    return Ok(());
                }
                let bytes: SmallVec<[&[u8]; BATCH_COUNT]> =
                    keys.iter().map(|key| key.sought().unwrap_or(NOWHERE)).collect();
                rows.reserve(keys.len());
                let first = rows.len();
                reader.get_many(&bytes, |stored| {
                    let row = stored.map(row::open).transpose();
                    let key = bytes.get(rows.len() - first).copied().unwrap_or_default();
                    rows.push(row.map_err(|fault| self.unread(key, fault))?);
                    Ok(())
                })?;
            }
        })?;
        Ok(rows)
    }

    /// All rows, by primary key.
    pub fn iter(&self) -> RowScan<T, M> {
        Scan::rows(self)
    }

    /// The rows whose primary key lies in a range, by primary key.
    pub fn range<B>(&self, range: impl KeyRangeArg<T::PrimaryKey, B>) -> RowScan<T, M> {
        Scan::rows(self).within(&range)
    }

    /// The rows whose primary key has this first column, by the other columns; `prefix`, `range`
    /// and `starts_with` of what comes back narrow it further. Primary keys of several columns
    /// only.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// #[derive(Table, Serialize, Deserialize)]
    /// #[table(primary_key = (tenant, id))]
    /// struct Order {
    ///     tenant: u32,
    ///     id: u64,
    /// }
    /// let orders = Database::in_memory()?.table::<Order>()?;
    /// orders.insert_many(&[Order { tenant: 7, id: 1 }, Order { tenant: 7, id: 2 }, Order { tenant: 8, id: 1 }])?;
    /// assert_eq!(orders.prefix(7).count()?, 2);
    /// assert_eq!(orders.prefix(7).range(2..).count()?, 1);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn prefix(
        &self,
        first: <<PrimaryKey<T> as Composite>::First as Key>::Ref<'_>,
    ) -> RowScan<T, M, Rest<PrimaryKey<T>>>
    where
        PrimaryKey<T>: Composite,
    {
        Scan::rows(self).starting_with(|out| <PrimaryKey<T> as Composite>::First::encode_ref(&first, out))
    }

    #[inline(always)]
    fn get_of(&self, reads: &impl Reads, key: KeyRef<'_, T>) -> Result<Option<T>> {
        let key = self.row_key(&key);
        let Some(key) = key.sought() else { return Ok(None) };
        let (mut row, mut fault) = (None, None);
        reads.read_once(|reader| {
            reader.get(key, |stored| match row::open(stored) {
                Ok(found) => row = Some(found),
                Err(found) => fault = Some(found),
            })
        })?;
        match fault {
            None => Ok(row),
            Some(fault) => Err(self.unread(key, fault)),
        }
    }

    #[cold]
    fn unread(&self, key: &[u8], fault: Fault) -> Error {
        self.info.unreadable(key.get(PREFIX..).unwrap_or_default(), fault)
    }

    fn row_key(&self, key: &KeyRef<'_, T>) -> KeyWriter {
        engine_key(self.info.rows.prefix(), |out| T::PrimaryKey::encode_ref(key, out))
    }
}

/// Methods that write. The bound is on each method, so that the compiler says why a table of a
/// snapshot has none of them.
impl<T: Table, M: Access> DefaultTable<T, M> {
    /// Adds a row.
    ///
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) when a row with its primary key or
    /// with one of its unique values exists; it names index and owner, and nothing was written.
    ///
    /// Cost: a look-up for the primary key and for each unique index, one write to the log.
    pub fn insert(&self, row: &T) -> Result<()>
    where
        M: WriteAccess,
    {
        self.count_key(row);
        self.change(|rows| rows.insert(row))
    }

    /// Inserts a row or replaces the one with its primary key, which is returned.
    ///
    /// Writes nothing when the row is stored just so.
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) when *another* row has one of its
    /// unique values. Cost: a look-up for the row and each changed unique value, one log write.
    pub fn upsert(&self, row: &T) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        self.count_key(row);
        self.change(|rows| rows.upsert(row))
    }

    /// Puts a row in the place of the one with its primary key, which is returned.
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) when there is none; otherwise like
    /// [`upsert`](Self::upsert).
    pub fn replace(&self, row: &T) -> Result<T>
    where
        M: WriteAccess,
    {
        self.change(|rows| rows.replace(row))
    }

    /// Changes the row with this primary key in place and returns the new row, if there is one.
    ///
    /// The closure may be called more than once, each time on a fresh row, when other commits get
    /// in the way. Changing the primary key is [`Error::Unsupported`](crate::Error::Unsupported).
    /// Cost: as [`upsert`](Self::upsert).
    pub fn modify(&self, key: KeyRef<'_, T>, mut change: impl FnMut(&mut T)) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        let key = self.row_key(&key);
        let Some(key) = key.sought() else { return Ok(None) };
        self.change(|rows| rows.modify(key, &mut change))
    }

    /// Removes the row with this primary key and returns it; `None` when there is none.
    ///
    /// A row that cannot be read ([`unreadable`](Self::unreadable)) is removed with all of its
    /// index entries, too, and `None` is returned.
    ///
    /// Cost: a look-up, one write to the log; for an unreadable row, also a read of every index.
    pub fn remove(&self, key: KeyRef<'_, T>) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        let key = self.row_key(&key);
        let Some(key) = key.sought() else { return Ok(None) };
        self.change(|rows| rows.remove(key))
    }

    /// Adds rows, by reference or by value, all of them or none, in one commit. Errors and costs
    /// are those of [`insert`](Self::insert), with one write to the log for all.
    ///
    /// The compiler has to know whether rows or references come: an empty list that says neither is
    /// given its type, as in `insert_many::<User>(vec![])`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// let rows = vec![User { id: 1 }, User { id: 2 }];
    /// users.insert_many(&rows)?;
    /// users.insert_many((3..6).map(|id| User { id }))?;
    /// users.insert_many::<User>(vec![])?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn insert_many<R: Borrow<T>>(&self, rows: impl IntoIterator<Item = R>) -> Result<()>
    where
        M: WriteAccess,
    {
        let rows: Vec<R> = rows.into_iter().collect();
        let rows: Vec<&T> = rows.iter().map(Borrow::borrow).collect();
        for row in &rows {
            self.count_key(row);
        }
        self.change(|table| table.insert_many(&rows))
    }

    /// Adds rows or puts them in the place of those with their primary keys, all in one commit;
    /// returns those that they replaced, in the order given. See [`upsert`](Self::upsert).
    ///
    /// What counts is the state that it leaves: two rows may swap a unique value, and several may
    /// pass theirs on in a ring. Of rows with the same primary key the last one counts, and each
    /// replaces the one before it.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Seat { #[primary_key] id: u64, #[index(unique)] guest: String }
    /// # let seats = Database::in_memory()?.table::<Seat>()?;
    /// seats.insert_many([Seat { id: 1, guest: "Ann".into() }, Seat { id: 2, guest: "Bob".into() }])?;
    /// seats.upsert_many([Seat { id: 1, guest: "Bob".into() }, Seat { id: 2, guest: "Ann".into() }])?;
    /// assert_eq!(seats.by().guest.get("Ann")?.map(|seat| seat.id), Some(2));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn upsert_many<R: Borrow<T>>(&self, rows: impl IntoIterator<Item = R>) -> Result<Vec<Option<T>>>
    where
        M: WriteAccess,
    {
        let rows: Vec<R> = rows.into_iter().collect();
        let rows: Vec<&T> = rows.iter().map(Borrow::borrow).collect();
        for row in &rows {
            self.count_key(row);
        }
        self.change(|table| table.upsert_many(&rows))
    }

    /// Removes the rows with these primary keys in one commit; returns them in the order of the
    /// keys.
    pub fn remove_many<'k>(&self, keys: impl IntoIterator<Item = KeyRef<'k, T>>) -> Result<Vec<Option<T>>>
    where
        M: WriteAccess,
    {
        let keys: Vec<KeyWriter> = keys.into_iter().map(|key| self.row_key(&key)).collect();
        self.change(|table| {
            let sought: Vec<&[u8]> = keys.iter().filter_map(KeyWriter::sought).collect();
            let mut removed = Vec::with_capacity(sought.len());
            table.remove_many(&sought, |row| removed.push(row))?;
            let mut removed = removed.into_iter();
            Ok(keys.iter().map(|key| key.sought().and_then(|_| removed.next().flatten())).collect())
        })
    }

    /// Moves the key sequence past the key of a row.
    pub(in crate::table) fn count_key(&self, row: &T) {
        if let Some(number) = row.generated_number() {
            self.info.key_sequence.advance_past(number);
        }
    }

    pub(in crate::table) fn change<R>(
        &self,
        mut statement: impl FnMut(&Mutation<'_>) -> Result<R>,
    ) -> Result<R>
    where
        M: WriteAccess,
    {
        self.source.change(&mut |txn| {
            // The snapshot is pinned first: a later drop is a conflict, an earlier one is visible.
            txn.at();
            if self.info.is_past {
                // The table was dropped after the transaction had begun, which would conflict.
                txn.request_restart();
                return Err(Error::Conflict);
            }
            self.info.ensure_there()?;
            statement(&Mutation::new(txn, &self.info, self.source.store()?))
        })
    }
}

impl<T: Table> DefaultTable<T> {
    /// Goes through the table and its indexes, removes index entries that no row has, adds those
    /// that are missing, and reports rows that share a unique value. Readers and writers go on
    /// meanwhile; what they do is respected.
    ///
    /// Not needed in normal use, as a row and its entries change in one commit: it is for an
    /// operator after [`verify`](crate::Database::verify) has found a disagreement. Rows are never
    /// changed: of two that share a unique value the one that the index knows stays its owner, and
    /// the other one is found by its primary key. Change or remove one of them and sweep again: the
    /// entry may have gone with the row that gave way.
    ///
    /// Each few hundred entries are a commit of their own, so after an error or a crash what was
    /// done stays done, and sweeping again goes on. That is why it is
    /// [`Error::Unsupported`](crate::Error::Unsupported) on a handle of a transaction.
    ///
    /// Cost: reads every row, and looks up a row for each entry and an entry for each value; a
    /// write for whatever is wrong.
    pub fn sweep(&self) -> Result<SweepReport<T>> {
        let store = self.database("`sweep` in a transaction: it commits by itself, many times")?;
        let is_readable = |index: &usize| self.info.indexes[*index].is_readable();
        let readable: Vec<usize> = (0..self.info.indexes.len()).filter(is_readable).collect();
        SweepReport::of(&self.info, &sweep::<T>(store, &self.info, &readable)?)
    }

    /// Rewrites every row that has an older layout, so that the structs of the past can go. Returns
    /// at once when there are none.
    ///
    /// It works in batches of at most a thousand rows, each a commit of its own, while others read
    /// and write; when it is interrupted, the next call goes on where it was. That is why it is
    /// [`Error::Unsupported`](crate::Error::Unsupported) on a handle of a transaction.
    ///
    /// [`Error::Schema`](crate::Error::Schema) when a `TryFrom` refuses a row; what was rewritten
    /// before stays rewritten.
    ///
    /// Cost: reads every row, and writes those of older layouts.
    pub fn migrate_all(&self) -> Result<MigrationReport> {
        self.migrate_all_watched(|_| ())
    }

    /// [`migrate_all`](Self::migrate_all), which calls `watch` after each batch with the progress.
    pub fn migrate_all_watched(&self, watch: impl FnMut(MigrationReport)) -> Result<MigrationReport> {
        let store = self.database("`migrate_all` in a transaction: it commits by itself, many times")?;
        migrate::run::<T>(store, &self.info, watch)
    }

    /// The store, if this is a handle of the database; an error that names `what` otherwise.
    fn database(&self, what: &'static str) -> Result<&Arc<Store>> {
        self.source.database().ok_or(Error::Unsupported(what))
    }
}

impl<T, M> Clone for DefaultTable<T, M> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), info: Arc::clone(&self.info), types: PhantomData }
    }
}

impl<T, M> fmt::Debug for DefaultTable<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultTable").field("name", &self.info.schema.name).finish_non_exhaustive()
    }
}

impl<T: Table, M: Access> IntoIterator for &DefaultTable<T, M> {
    type Item = Result<T>;
    type IntoIter = RowScan<T, M>;

    fn into_iter(self) -> RowScan<T, M> {
        self.iter()
    }
}
