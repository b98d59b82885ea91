//! Adds a row under a key that the store makes.

use super::default_table::{DefaultTable, PrimaryKey};
use super::key::Generated;
use super::mapper::{GeneratesKey, Table};
use super::mutate::PRIMARY_KEY;
use super::row;
use super::source::{Access, WriteAccess};
use crate::error::{Error, Result};

impl<T: Table, M: Access> DefaultTable<T, M> {
    /// Adds a row under a new key and returns the key. The key in `draft` does not matter, and `draft` stays as it
    /// is.
    ///
    /// An integer is counted from 1 on. A number that a committed row has or had never comes again, whatever struct wrote the row, and not
    /// after its removal, a restart or a crash. There may be gaps: a row that brings a key of its own moves the counter on above it. When the last number of the type has been that of a committed row, this is
    /// [`Error::Limit`](crate::Error::Limit) for good, also when that row was removed, until the table is dropped; [`insert`](Self::insert) takes whatever is free
    /// below. A `Uuid` is one of version 7: it begins with the time, and each is greater than those that this process made before.
    ///
    /// Within a transaction the key is returned at once and the row follows with the commit. The number of a row that was refused or
    /// rolled back is a gap; it may be used when the database is opened anew, or when the numbers above it have run out.
    ///
    /// Errors and costs are otherwise those of [`insert`](Self::insert). The first key of a process takes a look-up of the last row
    /// and one into the catalog. Removing a row of such a table may take a commit more, which asks for no sync: at most one for 256
    /// rows that go in the order in which they came. The row is encoded twice.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// #[derive(Table, Serialize, Deserialize)]
    /// struct Note {
    ///     #[primary_key(auto)]
    ///     id: u64,
    ///     text: String,
    /// }
    /// let notes = Database::in_memory()?.table::<Note>()?;
    /// let draft = Note { id: 0, text: "a walnut is a drupe".into() };
    /// assert_eq!(notes.insert_new(&draft)?, 1);
    /// assert_eq!(notes.insert_new(&draft)?, 2);
    /// assert_eq!(notes.get(2)?.map(|note| note.id), Some(2));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn insert_new(&self, draft: &T) -> Result<PrimaryKey<T>>
    where
        T: GeneratesKey<Generated = PrimaryKey<T>>,
        M: WriteAccess,
    {
        if self.info().is_past {
            self.change(|_| Ok(()))?;
        }
        let (store, numbers) = (self.source().store(), &self.info().numbers);
        let mut row = row::copy(draft)?;
        let mut is_late = false;
        loop {
            let number = numbers.next::<T>(store, self.info(), &mut is_late)?;
            row.set_generated_key(generated::<T>(number));
            match self.change(|rows| rows.insert(&row)) {
                Err(Error::UniqueViolation(violation)) if violation.index == PRIMARY_KEY => {
                    numbers.ask_again();
                }
                inserted => return inserted.map(|()| generated::<T>(number)),
            }
        }
    }
}

/// The generated key of a number.
fn generated<T: GeneratesKey>(number: u128) -> T::Generated {
    T::Generated::from_number(number)
}
