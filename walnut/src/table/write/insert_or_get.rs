//! Inserts unless the primary key exists.

use super::mutate::Mutation;
use crate::error::Result;
use crate::table::handle::default_table::DefaultTable;
use crate::table::schema::mapper::Table;
use crate::table::source::{Access, WriteAccess};

/// What [`DefaultTable::insert_or_get`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "it says whether the row was inserted"]
pub enum Inserted<T> {
    /// There was no row with this primary key, and now the one that was passed is there.
    New,
    /// The row with this primary key that was there, and still is.
    Existing(T),
}

impl<T> Inserted<T> {
    /// Whether the row was inserted.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New)
    }

    /// The row that was there.
    pub fn existing(self) -> Option<T> {
        match self {
            Self::New => None,
            Self::Existing(row) => Some(row),
        }
    }
}

impl<T: Table, M: Access> DefaultTable<T, M> {
    /// Adds a row unless a row with its primary key exists, and returns that one then. Of several
    /// threads that insert one key at once, one inserts it, and the others get its row.
    ///
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) when the primary key is new and
    /// *another* row has one of the unique values. Cost: as [`insert`](Self::insert), and one
    /// look-up more where the row is new; nothing is written where it is not.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Inserted, Table};
    /// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Page { #[primary_key] url: String, title: String }
    /// # let pages = Database::in_memory()?.table::<Page>()?;
    /// let first = Page { url: "/".into(), title: "Home".into() };
    /// assert!(pages.insert_or_get(&first)?.is_new());
    ///
    /// let second = Page { url: "/".into(), title: "Start".into() };
    /// assert_eq!(pages.insert_or_get(&second)?, Inserted::Existing(first));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn insert_or_get(&self, row: &T) -> Result<Inserted<T>>
    where
        M: WriteAccess,
    {
        self.count_key(row);
        self.change(|rows| rows.insert_or_get(row))
    }
}

impl Mutation<'_> {
    fn insert_or_get<T: Table>(&self, row: &T) -> Result<Inserted<T>> {
        match self.old::<T>(self.info.row_key(row).finish()?)? {
            Some(old) => Ok(Inserted::Existing(old.row)),
            None => self.insert(row).map(|()| Inserted::New),
        }
    }
}
