//! Scans: rows by primary key or by an index, lazily, from either end.
//!
//! ```text
//!   Scan ── what it gives: rows; Keys: primary keys; Entries: index key and primary key
//!    └─ Walker ── stages in the order in which they were added: filter, skip, limit
//!         └─ EntryScan ── live entries of a range, from both ends
//! ```
//!
//! A scan sees the state at the moment when it was made. It costs nothing until the first row is asked for.

#![expect(clippy::needless_pass_by_value, reason = "points are passed by value, so that literals are enough")]

mod filter;
mod layout;
mod output;
mod walker;

use std::fmt;
use std::marker::PhantomData;

pub use filter::RowFilter;
use filter::{And, Everything};
use layout::Target;
use output::{CountOf, EntryOf, KeyOf, RowOf};
use walker::{End, Walker};

use super::DefaultTable;
use super::access::Access;
use super::key::{Key, KeyWriter, RangeOver};
use super::mapper::{Table, TableMapper};
use crate::error::Result;

/// The primary key of `T`.
type PrimaryKey<T> = <T as TableMapper>::PrimaryKey;

/// Rows in order, read as they are asked for: a `DoubleEndedIterator` over `Result<T>`.
///
/// `K` is the type of the key that the scan goes by, the primary key unless it is an index; `R` what can still be narrowed
/// after [`Index::prefix`](super::Index::prefix); `F` the filters. None of them need be written: `Scan<T>` is a scan by primary key.
///
/// After an error it ends. What [`limit`](Self::limit), [`skip`](Self::skip) and [`filter`](Self::filter) do, they do in the order
/// in which they are called, as they do on an iterator.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
/// # struct User { #[primary_key] id: u64, #[index] age: u8 }
/// # let db = Database::in_memory()?;
/// # let users = db.table::<User>()?;
/// users.insert_many(&[User { id: 1, age: 30 }, User { id: 2, age: 18 }, User { id: 3, age: 65 }])?;
/// let eldest = users.by().age.range(18..).rev().limit(2).collect_vec()?;
/// assert_eq!(eldest.iter().map(|user| user.id).collect::<Vec<_>>(), [3, 1]);
/// # Ok::<(), walnut::Error>(())
/// ```
#[must_use = "a scan reads nothing until it is asked for rows"]
pub struct Scan<T: Table, K: Key = PrimaryKey<T>, R = (), F = Everything> {
    walker: Walker<T, F>,
    key: PhantomData<fn() -> (K, R)>,
}

impl<T: Table> Scan<T> {
    /// The rows of a table by primary key.
    pub(super) fn rows<A: Access>(table: &DefaultTable<T, A>) -> Self {
        Self { walker: Walker::new::<PrimaryKey<T>, A>(table, Target::Rows), key: PhantomData }
    }
}

impl<T: Table, K: Key, R> Scan<T, K, R> {
    /// The rows of a table by an index.
    pub(super) fn index<A: Access>(table: &DefaultTable<T, A>, index: usize) -> Self {
        Self { walker: Walker::new::<K, A>(table, Target::Index(index)), key: PhantomData }
    }
}

impl<T: Table, K: Key, R, F: RowFilter<T>> Scan<T, K, R, F> {
    /// Only what begins with the bytes that `write` adds to what is fixed already.
    pub(super) fn starting_with(mut self, write: impl FnOnce(&mut KeyWriter)) -> Self {
        self.walker.fix(write);
        self
    }

    /// Only what lies in a range of the parts that are not fixed.
    pub(super) fn within<P: Key, M>(mut self, range: &impl RangeOver<P, M>) -> Self {
        self.walker.narrow(range);
        self
    }

    /// Goes the other way. Costs nothing.
    pub fn rev(mut self) -> Self {
        self.walker.turn();
        self
    }

    /// Ends after `count` rows. Reads no more than these.
    pub fn limit(mut self, count: u64) -> Self {
        self.walker.limit(count);
        self
    }

    /// Passes over the next `count` entries of the index, without reading their rows.
    pub fn skip(mut self, count: u64) -> Self {
        self.walker.skip(count);
        self
    }

    /// Only rows of which `keep` is true. Each row that is looked at is read.
    pub fn filter<P: FnMut(&T) -> bool>(self, keep: P) -> Scan<T, K, R, And<F, P>> {
        Scan { walker: self.walker.filter(keep), key: PhantomData }
    }

    /// The primary keys instead of the rows. Reads no row, unless a filter has to.
    pub fn keys(self) -> Keys<T, F> {
        Keys { walker: self.walker }
    }

    /// The keys that the scan goes by, each with the primary key. Reads no row, unless a filter has to.
    pub fn entries(self) -> Entries<T, K, F> {
        Entries { walker: self.walker, key: PhantomData }
    }

    /// The first row.
    pub fn first(mut self) -> Result<Option<T>> {
        self.next().transpose()
    }

    /// The last row.
    pub fn last(mut self) -> Result<Option<T>> {
        self.next_back().transpose()
    }

    /// How many rows there are. Reads no row and decodes nothing, unless a filter has to.
    pub fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while self.walker.step::<CountOf>(End::Front)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// All rows in a `Vec`, or the first error.
    pub fn collect_vec(self) -> Result<Vec<T>> {
        self.collect()
    }
}

impl<T: Table, K: Key, R: Key, F: RowFilter<T>> Scan<T, K, R, F> {
    /// Only those whose next column lies in a range: `prefix("Paris").range(21..)`.
    pub fn range<M>(self, range: impl RangeOver<R, M>) -> Scan<T, K, (), F> {
        let narrowed = self.within(&range);
        Scan { walker: narrowed.walker, key: PhantomData }
    }

    /// Only those with this value in the next column.
    pub fn all(self, value: R::Ref<'_>) -> Scan<T, K, (), F> {
        let narrowed = self.starting_with(|out| R::encode_ref(&value, out));
        Scan { walker: narrowed.walker, key: PhantomData }
    }

    /// Only those with this value in the next column, of several that are left.
    pub fn prefix(self, next: <R::First as Key>::Ref<'_>) -> Scan<T, K, R::Rest, F>
    where
        R: super::Composite,
    {
        let narrowed = self.starting_with(|out| R::First::encode_ref(&next, out));
        Scan { walker: narrowed.walker, key: PhantomData }
    }
}

/// The primary keys of the rows of a [`Scan`].
#[must_use = "a scan reads nothing until it is asked for keys"]
pub struct Keys<T: Table, F = Everything> {
    walker: Walker<T, F>,
}

/// The keys that a [`Scan`] goes by, each with the primary key of its row.
#[must_use = "a scan reads nothing until it is asked for entries"]
pub struct Entries<T: Table, K: Key, F = Everything> {
    walker: Walker<T, F>,
    key: PhantomData<fn() -> K>,
}

macro_rules! iterates {
    ([$($params:tt)*] $name:ty, $output:ty => $item:ty) => {
        impl<T: Table, F: RowFilter<T>, $($params)*> Iterator for $name {
            type Item = Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.walker.step::<$output>(End::Front).transpose()
            }
        }

        impl<T: Table, F: RowFilter<T>, $($params)*> DoubleEndedIterator for $name {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.walker.step::<$output>(End::Back).transpose()
            }
        }

        impl<T: Table, F: RowFilter<T>, $($params)*> std::iter::FusedIterator for $name {}

        impl<T: Table, F, $($params)*> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.walker.fmt(f)
            }
        }
    };
}

iterates!([K: Key, R] Scan<T, K, R, F>, RowOf => T);
iterates!([] Keys<T, F>, KeyOf => PrimaryKey<T>);
iterates!([K: Key] Entries<T, K, F>, EntryOf<K> => (K, PrimaryKey<T>));
