//! Scans: rows by primary key or by an index, lazily, from either end.
//!
//! ```text
//!   Scan ── what it gives: rows; Keys: primary keys; Entries: index key and primary key
//!    └─ ScanCore ── stages in the order in which they were added: filter, skip, limit
//!         └─ EntryScan ── live entries of a range, from both ends
//! ```
//!
//! A scan sees the state at the moment when it was made. It costs nothing until the first row is
//! asked for.

#![expect(clippy::needless_pass_by_value, reason = "points are passed by value, so that literals are enough")]

mod batched;
mod batches;
mod cursor;
mod distinct;
mod fold;
mod layout;
mod output;
mod pop;
mod scan_core;
mod stage;

use std::fmt;
use std::marker::PhantomData;

pub use batches::Batches;
pub use cursor::{Cursor, Page};
pub use distinct::Distinct;
use layout::Target;
use output::{EntryOf, KeyOf, RowOf};
use scan_core::{RangeEnd, ScanCore};

use crate::error::Result;
use crate::table::DefaultTable;
use crate::table::key::{BeginsWithText, Composite, Key, KeyRangeArg, KeyWriter, TextKey};
use crate::table::schema::mapper::Table;
use crate::table::source::{Access, ReadOnly, ReadWrite, Source, WriteAccess};
use crate::table::write::mutate::Mutation;

type PrimaryKey<T> = <T as Table>::PrimaryKey;

/// Rows in order, read as they are asked for: a `DoubleEndedIterator` over `Result<T>`.
///
/// `Scan<'_, T>` is a scan by primary key, `Scan<'_, T, K>` one by an index whose key is a `K`;
/// either has the same type forward and reversed, skipped, limited and filtered, and can be kept in
/// a struct. `'a` is how long what its filters borrow lives; a scan without one has `'static`.
/// [`by_row`](Self::by_row) makes a `Scan<'_, T>` of a scan by an index, so that both can be the
/// answer of one function. The other parameters need not be written: `R` is what can still be
/// narrowed after [`Index::prefix`](crate::Index::prefix), `M` whether the scan may remove rows.
///
/// After an error it ends. What [`limit`](Self::limit), [`skip`](Self::skip) and
/// [`filter`](Self::filter) do, they do in the order in which they are called, as they do on an
/// iterator.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, DefaultTable, Scan, Table};
/// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
/// # struct User { #[primary_key] id: u64, #[index] age: u8 }
/// # let db = Database::in_memory()?;
/// # let users = db.table::<User>()?;
/// users.insert_many(&[User { id: 1, age: 30 }, User { id: 2, age: 18 }, User { id: 3, age: 65 }])?;
/// let eldest = users.by().age.range(18..).rev().limit(2).collect_vec()?;
/// assert_eq!(eldest.iter().map(|user| user.id).collect::<Vec<_>>(), [3, 1]);
///
/// fn search(users: &DefaultTable<User>, age: Option<u8>, newest_first: bool) -> Scan<'_, User> {
///     let found = match age {
///         Some(age) => users.by().age.all(age).by_row(),
///         None => users.iter(),
///     };
///     if newest_first { found.rev() } else { found.filter(|user| user.age > 0) }
/// }
/// assert_eq!(search(&users, None, true).first()?.map(|user| user.id), Some(3));
/// # Ok::<(), walnut::Error>(())
/// ```
#[must_use = "a scan reads nothing until it is asked for rows"]
pub struct Scan<'a, T: Table, K: Key = PrimaryKey<T>, R = (), M = ReadWrite> {
    core: ScanCore<'a, T>,
    source: Source,
    types: Types<K, R, M>,
}

/// What the compiler knows of a scan.
type Types<K, R, M> = PhantomData<fn() -> (K, R, M)>;

/// The columns of `K` behind the first: what a scan can still be narrowed by, after `prefix` has
/// fixed that one.
#[derive(Debug)]
pub struct Rest<K>(PhantomData<fn() -> K>);

impl<T: Table, R, M: Access> Scan<'_, T, PrimaryKey<T>, R, M> {
    pub(super) fn rows(table: &DefaultTable<T, M>) -> Self {
        let core = ScanCore::new::<PrimaryKey<T>, M>(table, Target::Rows);
        Self { core, source: table.source().clone(), types: PhantomData }
    }
}

impl<T: Table, K: Key, R, M: Access> Scan<'_, T, K, R, M> {
    pub(super) fn index(table: &DefaultTable<T, M>, index: usize) -> Self {
        let core = ScanCore::new::<K, M>(table, Target::Index(index));
        Self { core, source: table.source().clone(), types: PhantomData }
    }
}

impl<'a, T: Table, K: Key, R, M> Scan<'a, T, K, R, M> {
    /// Only what begins with the bytes that `write` adds to what is fixed already.
    pub(super) fn starting_with(mut self, write: impl FnOnce(&mut KeyWriter)) -> Self {
        self.core.fix_prefix(write);
        self
    }

    /// Only what has the key that `write` adds to what is fixed already, which is the whole of it
    /// then.
    pub(super) fn equal_to(mut self, write: impl FnOnce(&mut KeyWriter)) -> Self {
        self.core.fix_key(write);
        self
    }

    /// Only what lies in a range of the parts that are not fixed.
    pub(super) fn within<P: Key, B>(mut self, range: &impl KeyRangeArg<P, B>) -> Self {
        self.core.narrow(range);
        self
    }

    /// Goes the other way. Costs nothing.
    pub fn rev(mut self) -> Self {
        self.core.reverse();
        self
    }

    /// Ends after `count` rows. Reads no more than these.
    pub fn limit(mut self, count: u64) -> Self {
        self.core.limit(count);
        self
    }

    /// Passes over the next `count` entries of the index, without reading their rows.
    pub fn skip(mut self, count: u64) -> Self {
        self.core.skip(count);
        self
    }

    /// Only rows of which `keep` is true. Each row that is looked at is read.
    ///
    /// The closure may borrow, and the scan then lives as long as what it borrows. A scan can be
    /// sent to another thread, so the closure has to be `Send`; [`Iterator::filter`] takes one that
    /// is not.
    ///
    /// Cost: a small allocation for each filter, and a call through a pointer for each row.
    pub fn filter(mut self, keep: impl FnMut(&T) -> bool + Send + 'a) -> Self {
        self.core.filter(keep);
        self
    }

    /// The same scan, its type without the index's key: what takes a `Scan<User>` takes it. Costs
    /// nothing.
    ///
    /// [`entries`](Self::entries) of it shows the primary key in the place of the index's.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Scan, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// # users.insert_many(&[User { id: 1, age: 30 }, User { id: 2, age: 30 }])?;
    /// fn first_ids(users: Scan<User>) -> walnut::Result<Vec<u64>> {
    ///     users.limit(10).keys().collect()
    /// }
    ///
    /// assert_eq!(first_ids(users.range(1..))?, [1, 2]);
    /// assert_eq!(first_ids(users.by().age.all(30).rev().by_row())?, [2, 1]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn by_row(mut self) -> Scan<'a, T, PrimaryKey<T>, (), M> {
        self.core.show_primary_key();
        Scan { core: self.core, source: self.source, types: PhantomData }
    }

    /// The primary keys instead of the rows. Reads no row, unless a filter has to.
    pub fn keys(self) -> Keys<'a, T> {
        Keys { core: self.core }
    }

    /// The keys that the scan goes by, each with the primary key. Reads no row, unless a filter has
    /// to.
    pub fn entries(self) -> Entries<'a, T, K> {
        Entries { core: self.core, key: PhantomData }
    }

    /// The first row.
    ///
    /// Cost: a block read for each run of files, and the row. Where removed entries lie in front of
    /// it that no merge has dropped yet, the first look steps over each of them; the next ones seek
    /// past them. [`last`](Self::last) costs the same from the other end.
    pub fn first(mut self) -> Result<Option<T>> {
        self.next().transpose()
    }

    /// The last row.
    pub fn last(mut self) -> Result<Option<T>> {
        self.next_back().transpose()
    }

    /// How many rows there are. Reads no row and decodes nothing, unless a filter has to.
    ///
    /// Cost: a block read for each block of the range. In a block of an SST that has one version of
    /// each key and no tombstone, which is how merges leave them, the entries are counted at once;
    /// others are stepped over.
    pub fn count(mut self) -> Result<u64> {
        self.core.count_left(RangeEnd::Front)
    }

    /// The same scan without the right to remove rows.
    pub fn read_only(self) -> Scan<'a, T, K, R, ReadOnly> {
        Scan { core: self.core, source: self.source, types: PhantomData }
    }

    /// All rows in a `Vec`, or the first error.
    ///
    /// Quicker than `collect` where the scan goes by an index: rows are then read several at a
    /// time.
    pub fn collect_vec(self) -> Result<Vec<T>> {
        self.core.collect()
    }

    /// The next `count` rows, and a [`Cursor`] with which a like scan, made later, goes on behind
    /// them. `None` instead of a cursor begins at the scan's front.
    ///
    /// Each page is of the state at which its scan was made. A row that is there all the while, and
    /// whose value in the index does not change, comes on one page exactly, whatever is written in
    /// between; by an index with `each`, which has an entry for each distinct element of a row, it
    /// comes exactly once for each of its elements in the range. A `skip` counts once and a `limit`
    /// over all pages, not for each.
    ///
    /// [`Error::Cursor`](crate::Error::Cursor) when the cursor is of another table, index or
    /// direction, or the scan is skipped and limited otherwise;
    /// [`Error::Unsupported`](crate::Error::Unsupported) when the scan is limited or skipped from
    /// both of its ends, or `count` is 0: such pages would never end.
    ///
    /// Cost: reads `count` rows, and one entry more to see whether there is one; with a filter, the
    /// rows up to the next that it keeps. Finding the place costs what beginning a scan does,
    /// however far in it is.
    pub fn page(mut self, count: u64, cursor: Option<Cursor>) -> Result<Page<T>> {
        self.core.page(count, cursor.as_ref())
    }
}

impl<T: Table, K: Key, R, M> Scan<'_, T, K, R, M> {
    /// Removes the rows that the scan has not given yet, all in one commit, and returns how many
    /// there were.
    ///
    /// It looks again, in the transaction that removes: what others have written since the scan was
    /// made counts. With `limit`, a large number of rows can be removed in commits of bearable
    /// size; one that is too large is [`Error::Limit`](crate::Error::Limit), and nothing is
    /// removed. A filter may be asked more than once about a row.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// users.insert_many(&[User { id: 1, age: 30 }, User { id: 2, age: 11 }, User { id: 3, age: 17 }])?;
    /// assert_eq!(users.by().age.range(..18).remove_all()?, 2);
    /// assert_eq!(users.len()?, 1);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// A scan of a snapshot cannot do that, nor can one that is [`read_only`](Self::read_only):
    ///
    /// ```compile_fail,E0277
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let db = Database::in_memory()?;
    /// db.snapshot().table::<User>()?.by().age.range(..18).remove_all()?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// Cost: reads each row, to know its entries; one write to the log.
    pub fn remove_all(mut self) -> Result<u64>
    where
        M: WriteAccess,
    {
        let info = std::sync::Arc::clone(self.core.info());
        self.source.change(&mut |txn| {
            let rows = Mutation::new(txn, &info, self.source.store()?);
            rows.prefetch(|| [])?;
            let keys = self.core.rows_in(txn)?;
            let keys = keys.iter().map(KeyWriter::finish).collect::<Result<Vec<_>>>()?;
            // An index may have shown a row more than once, and then it is there the first time
            // only.
            rows.remove_many::<T>(&keys, |_| ())
        })
    }
}

impl<'a, T: Table, K: Key, R, M> Scan<'a, T, K, R, M> {
    /// The same walk, of which other columns are left.
    pub(super) fn leaving<Left>(self) -> Scan<'a, T, K, Left, M> {
        Scan { core: self.core, source: self.source, types: PhantomData }
    }
}

impl<'a, T: Table, K: Key, C: Composite, M> Scan<'a, T, K, Rest<C>, M> {
    /// Only those whose other columns lie in a range: `prefix("Paris").range(21..)`.
    pub fn range<B>(self, range: impl KeyRangeArg<C::Rest, B>) -> Scan<'a, T, K, (), M> {
        self.within(&range).leaving()
    }

    /// Only those with this value in the other columns.
    ///
    /// [`Iterator::all`], which asks something of each row, is had of [`by_ref`](Iterator::by_ref)
    /// here.
    pub fn all(self, value: <C::Rest as Key>::Ref<'_>) -> Scan<'a, T, K, (), M> {
        self.equal_to(|out| C::Rest::encode_ref(&value, out)).leaving()
    }

    /// Only those whose next column is a text that begins with `start`:
    /// `prefix(tenant).starts_with("an")`.
    pub fn starts_with(
        self,
        start: <<C::Rest as BeginsWithText>::Text as Key>::Ref<'_>,
    ) -> Scan<'a, T, K, (), M>
    where
        C::Rest: BeginsWithText,
    {
        self.starting_with(|out| <C::Rest as BeginsWithText>::Text::encode_start(&start, out)).leaving()
    }

    /// Only those with this value in the next column, of several that are left.
    pub fn prefix(
        self,
        next: <<C::Rest as Composite>::First as Key>::Ref<'_>,
    ) -> Scan<'a, T, K, Rest<C::Rest>, M>
    where
        C::Rest: Composite,
    {
        self.starting_with(|out| <C::Rest as Composite>::First::encode_ref(&next, out)).leaving()
    }
}

/// The primary keys of the rows of a [`Scan`].
#[must_use = "a scan reads nothing until it is asked for keys"]
pub struct Keys<'a, T: Table> {
    core: ScanCore<'a, T>,
}

/// The keys that a [`Scan`] goes by, each with the primary key of its row.
#[must_use = "a scan reads nothing until it is asked for entries"]
pub struct Entries<'a, T: Table, K: Key> {
    core: ScanCore<'a, T>,
    key: PhantomData<fn() -> K>,
}

macro_rules! iterates {
    ([$($params:tt)*] $name:ty, $output:ty => $item:ty) => {
        impl<T: Table, $($params)*> Iterator for $name {
            type Item = Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.core.step::<$output>(RangeEnd::Front).transpose()
            }
        }

        impl<T: Table, $($params)*> DoubleEndedIterator for $name {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.core.step::<$output>(RangeEnd::Back).transpose()
            }
        }

        impl<T: Table, $($params)*> std::iter::FusedIterator for $name {}

        impl<T: Table, $($params)*> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.fmt(f)
            }
        }
    };
}

iterates!([K: Key, R, M] Scan<'_, T, K, R, M>, RowOf => T);
iterates!([] Keys<'_, T>, KeyOf => PrimaryKey<T>);
iterates!([K: Key] Entries<'_, T, K>, EntryOf<K> => (K, PrimaryKey<T>));
