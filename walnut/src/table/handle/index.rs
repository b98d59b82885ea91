//! The handles that `by()` returns, one for each index.

#![expect(clippy::needless_pass_by_value, reason = "points are passed by value, so that literals are enough")]

use std::fmt;
use std::marker::PhantomData;

use crate::error::{FindingKind, Result};
use crate::table::DefaultTable;
use crate::table::key::{BeginsWithText, Composite, Key, KeyRangeArg, KeyWriter, TextKey};
use crate::table::row;
use crate::table::scan::{Rest, Scan};
use crate::table::schema::mapper::Table;
use crate::table::source::{Access, ReadWrite, Reads, WriteAccess, with_reads};
use crate::table::write::mutate::{PREFIX, engine_key};
use crate::txn::Txn;

/// An index whose values may repeat. Scans return rows by value, rows with one value by primary
/// key.
pub struct Index<'a, T: Table, K, M: Access = ReadWrite> {
    table: &'a DefaultTable<T, M>,
    ordinal: usize,
    key: PhantomData<fn() -> K>,
}

/// An index in which each value has one owner. A missing value (`None`) has any number of them.
pub struct Unique<'a, T: Table, K, M: Access = ReadWrite> {
    pub(super) table: &'a DefaultTable<T, M>,
    pub(super) ordinal: usize,
    key: PhantomData<fn() -> K>,
}

macro_rules! scans {
    ($handle:ident) => {
        impl<'a, T: Table, K, M: Access> $handle<'a, T, K, M> {
            /// The handle of the index with this ordinal in the schema; for derived code.
            #[doc(hidden)]
            pub fn new(table: &'a DefaultTable<T, M>, ordinal: usize) -> Self {
                Self { table, ordinal, key: PhantomData }
            }
        }

        impl<T: Table, K: Key, M: Access> $handle<'_, T, K, M> {
            /// All entries of the index, by value.
            pub fn iter(&self) -> Scan<'static, T, K, (), M> {
                Scan::index(self.table, self.ordinal)
            }

            /// The rows with this value. None when the value cannot be stored, since it is too long
            /// or has too many digits.
            pub fn all(&self, value: K::Ref<'_>) -> Scan<'static, T, K, (), M> {
                self.iter().equal_to(|out| K::encode_ref(&value, out))
            }

            /// The rows whose value is in a range, by value. A bound that cannot be stored bounds
            /// as any other one does.
            ///
            /// An index with `each` has an entry for each distinct element of a row, and a scan
            /// returns the row for each of them: a row with two elements in the range comes twice.
            pub fn range<B>(&self, range: impl KeyRangeArg<K, B>) -> Scan<'static, T, K, (), M> {
                self.iter().within(&range)
            }

            /// The rows whose text begins with `start`, by value. Indexes of text and bytes, and of
            /// several columns of which the first is one.
            pub fn starts_with(&self, start: <K::Text as Key>::Ref<'_>) -> Scan<'static, T, K, (), M>
            where
                K: BeginsWithText,
            {
                self.iter().starting_with(|out| K::Text::encode_start(&start, out))
            }

            /// The rows with this value in the index's first column, by the other columns;
            /// `prefix`, `range` and `starts_with` of what comes back narrow it further. Indexes of
            /// several columns only.
            pub fn prefix(&self, first: <K::First as Key>::Ref<'_>) -> Scan<'static, T, K, Rest<K>, M>
            where
                K: Composite,
            {
                Scan::index(self.table, self.ordinal).starting_with(|out| K::First::encode_ref(&first, out))
            }
        }

        impl<T: Table, K: Key, M: Access> IntoIterator for $handle<'_, T, K, M> {
            type Item = Result<T>;
            type IntoIter = Scan<'static, T, K, (), M>;

            fn into_iter(self) -> Scan<'static, T, K, (), M> {
                self.iter()
            }
        }

        impl<T: Table, K: Key, M: Access> IntoIterator for &$handle<'_, T, K, M> {
            type Item = Result<T>;
            type IntoIter = Scan<'static, T, K, (), M>;

            fn into_iter(self) -> Scan<'static, T, K, (), M> {
                self.iter()
            }
        }

        impl<T: Table, K, M: Access> Clone for $handle<'_, T, K, M> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T: Table, K, M: Access> Copy for $handle<'_, T, K, M> {}

        impl<T: Table, K, M: Access> fmt::Debug for $handle<'_, T, K, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = self.table.info().schema.indexes[self.ordinal].name;
                f.debug_struct(stringify!($handle)).field("name", &name).finish_non_exhaustive()
            }
        }
    };
}

scans!(Index);
scans!(Unique);

/// Not implemented by any index that may repeat.
#[diagnostic::on_unimplemented(
    message = "this index is not unique: a value has any number of rows",
    label = "no single row has the value",
    note = "`all(value)` is a scan of the rows with the value: `all(value).first()` is one of them, `all(value).remove_all()` \
            removes them; `get`, `contains`, `modify` and `remove` exist on indexes with `#[index(unique)]`"
)]
#[doc(hidden)]
pub trait OneOwner {}

impl<T: Table, K: Key, M: Access> Index<'_, T, K, M> {
    /// Does not exist: a value of this index has any number of rows, which [`all`](Self::all)
    /// returns.
    #[doc(hidden)]
    pub fn get(&self, value: K::Ref<'_>) -> Result<Option<T>>
    where
        Self: OneOwner,
    {
        self.all(value).first()
    }

    /// Does not exist, as [`get`](Self::get) does not.
    #[doc(hidden)]
    pub fn contains(&self, value: K::Ref<'_>) -> Result<bool>
    where
        Self: OneOwner,
    {
        Ok(self.all(value).keys().next().transpose()?.is_some())
    }

    /// Does not exist, as [`get`](Self::get) does not.
    #[doc(hidden)]
    pub fn modify(&self, value: K::Ref<'_>, _change: impl FnMut(&mut T)) -> Result<Option<T>>
    where
        Self: OneOwner,
    {
        self.get(value)
    }

    /// Does not exist, as [`get`](Self::get) does not.
    #[doc(hidden)]
    pub fn remove(&self, value: K::Ref<'_>) -> Result<Option<T>>
    where
        Self: OneOwner,
    {
        self.get(value)
    }
}

impl<T: Table, K: Key, M: Access> Unique<'_, T, K, M> {
    /// The row that owns this value. A missing value, a `None` or a key with one in it, has no
    /// owner: there may be any number of rows without a value, and [`all`](Self::all) scans them.
    ///
    /// Cost: two look-ups, of the entry and of the row.
    pub fn get(&self, value: K::Ref<'_>) -> Result<Option<T>> {
        with_reads!(self.table.source(), |reads| self.get_of(reads, value))
    }

    #[inline(always)]
    fn get_of(&self, reads: &impl Reads, value: K::Ref<'_>) -> Result<Option<T>> {
        self.table.ensure_readable(self.ordinal)?;
        if K::ref_is_none(&value) {
            return Ok(None);
        }
        let entry = self.entry(&value);
        let Some(entry) = entry.sought() else { return Ok(None) };
        let prefix = self.table.info().rows.prefix();
        let row = reads.read(|reader| {
            self.table.info().check_current(reader, &[entry])?;
            let key = reader.get(entry, |owner| engine_key(prefix, |out| out.push(owner)))?;
            let Some(key) = key else { return Ok(None) };
            let row = reader.get(key.finish()?, row::open::<T>)?;
            Ok(Some((key, row)))
        })?;
        let Some((key, row)) = row else { return Ok(None) };
        let (info, primary_key) = (self.table.info(), &key.finish()?[PREFIX..]);
        match row {
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(fault)) => Err(info.unreadable(primary_key, fault)),
            None => Err(info.finding(FindingKind::StrayEntry, Some(self.ordinal), primary_key).into_error()),
        }
    }

    /// Whether some row has this value; of a missing value, whether some row has none. Reads no
    /// row.
    ///
    /// Cost: a look-up.
    pub fn contains(&self, value: K::Ref<'_>) -> Result<bool> {
        if K::ref_is_none(&value) {
            return Ok(self.all(value).keys().next().transpose()?.is_some());
        }
        self.table.ensure_readable(self.ordinal)?;
        let entry = self.entry(&value);
        let Some(entry) = entry.sought() else { return Ok(false) };
        with_reads!(self.table.source(), |reads| reads.read(|reader| {
            self.table.info().check_current(reader, &[entry])?;
            reader.contains(entry)
        }))
    }

    pub(super) fn entry(&self, value: &K::Ref<'_>) -> KeyWriter {
        engine_key(self.table.info().indexes[self.ordinal].keyspace.prefix(), |out| K::encode_ref(value, out))
    }
}

impl<T: Table, K: Key, M: Access> Unique<'_, T, K, M> {
    /// Changes the row that owns this value in place and returns the new row; see
    /// [`DefaultTable::modify`]. A missing value has no owner: `None`.
    pub fn modify(&self, value: K::Ref<'_>, mut change: impl FnMut(&mut T)) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        self.table.ensure_readable(self.ordinal)?;
        let entry = self.entry(&value);
        let entry = entry.sought().filter(|_| !K::ref_is_none(&value));
        // A statement that finds nothing is a statement too: a read-only database refuses it.
        self.table.change(|rows| match entry.map(|entry| rows.owner(entry)).transpose()?.flatten() {
            Some(key) => rows.modify(&key, &mut change),
            None => Ok(None),
        })
    }

    /// Removes the row that owns this value and returns it. A missing value has no owner: `None`.
    pub fn remove(&self, value: K::Ref<'_>) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        self.table.ensure_readable(self.ordinal)?;
        let entry = self.entry(&value);
        let entry = entry.sought().filter(|_| !K::ref_is_none(&value));
        self.table.change(|rows| match entry.map(|entry| rows.owner(entry)).transpose()?.flatten() {
            Some(key) => rows.remove(&key),
            None => Ok(None),
        })
    }
}

/// Reservations of unique values, with which several transactions for one value find out early that
/// only one of them can take it. They last as long as the transaction at most, exist in memory
/// only, and decide nothing: the first commit of a row with the value owns it. Every statement of a
/// transaction that writes a row reserves its unique values by itself.
///
/// They are for handles of a transaction. On a handle of the database, whose statements are
/// transactions of their own, they are [`Error::Unsupported`](crate::Error::Unsupported).
impl<T: Table, K: Key> Unique<'_, T, K> {
    /// Reserves a value for this transaction, until it ends, is rolled back to an earlier
    /// savepoint, or releases it with [`release_unique`](Self::release_unique). Returns false if a
    /// row has the value, or another transaction has reserved it; never waits.
    ///
    /// A statement elsewhere that wants the value then waits a few milliseconds for this
    /// transaction to end. A missing value needs no reservation, so that is always true.
    ///
    /// Cost: a look-up.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index(unique)] email: String }
    /// # let db = Database::in_memory()?;
    /// let (tx, other) = (db.begin(), db.begin());
    /// let (users, others) = (tx.table::<User>()?, other.table::<User>()?);
    /// assert!(users.by().email.try_reserve_unique("ann@x.org")?);
    /// assert!(!others.by().email.try_reserve_unique("ann@x.org")?);
    /// drop(tx);
    /// assert!(others.by().email.try_reserve_unique("ann@x.org")?);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn try_reserve_unique(&self, value: K::Ref<'_>) -> Result<bool> {
        let txn = self.txn()?;
        if K::ref_is_none(&value) {
            return Ok(true);
        }
        let entry = self.entry(&value);
        let entry = entry.finish()?;
        Ok(txn.get(entry, |_| ())?.is_none() && txn.try_reserve(entry)?)
    }

    /// Releases a reservation before the transaction ends; returns whether there was one.
    pub fn release_unique(&self, value: K::Ref<'_>) -> Result<bool> {
        let (txn, entry) = (self.txn()?, self.entry(&value));
        entry.sought().map_or(Ok(false), |entry| txn.release(entry))
    }

    /// Whether this transaction has reserved the value, by itself or because it wrote a row with
    /// it.
    pub fn is_unique_owner(&self, value: K::Ref<'_>) -> Result<bool> {
        let (txn, entry) = (self.txn()?, self.entry(&value));
        entry.sought().map_or(Ok(false), |entry| txn.holds(entry))
    }

    fn txn(&self) -> Result<&Txn> {
        self.table.source().txn("reserving a unique value outside of a transaction, which would end at once")
    }
}
