//! Inserts under generated keys.

use std::borrow::Borrow;

use super::mutate::{Mutation, PREFIX, PRIMARY_KEY};
use crate::error::{Error, Result};
use crate::table::catalog;
use crate::table::handle::default_table::{DefaultTable, PrimaryKey};
use crate::table::key::Generated;
use crate::table::row;
use crate::table::schema::mapper::{GeneratesKey, Table};
use crate::table::source::{Access, WriteAccess};

impl<T: Table, M: Access> DefaultTable<T, M> {
    /// Adds a row under a new key and returns the key. The key in `draft` does not matter, and
    /// `draft` stays as it is.
    ///
    /// An integer is counted from 1 on. A number that a committed row has or had is never used
    /// again, whatever struct wrote the row, and not after its removal, a restart or a crash. There
    /// may be gaps: a row that brings a key of its own moves the counter above it. When the last
    /// number of the type has been that of a committed row, this is
    /// [`Error::Limit`](crate::Error::Limit) for good, also when that row was removed, until the
    /// table is dropped; [`insert`](Self::insert) takes whatever is free below. A `Uuid` is one of
    /// version 7: it begins with the time, and each is greater than those that this process made
    /// before.
    ///
    /// Within a transaction the key is returned at once and the row follows with the commit. The
    /// number of a row that was refused or rolled back is a gap; it may be used when the database
    /// is opened again, or when the numbers above it have run out.
    ///
    /// Errors and costs are otherwise those of [`insert`](Self::insert). The first key of a process
    /// takes a look-up of the last row and one into the catalog. Removing a row of such a table may
    /// take another commit, which asks for no sync: at most one for 256 rows that are removed in
    /// the order of their insertion. The row is encoded twice.
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
        self.insert_generated(draft).map(|(number, _)| generated::<T>(number))
    }

    /// Adds a row under a new key, as [`insert_new`](Self::insert_new) does, and returns the row as
    /// it is stored.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Note { #[primary_key(auto)] id: u64, text: String }
    /// # let notes = Database::in_memory()?.table::<Note>()?;
    /// let note = notes.insert_new_row(&Note { id: 0, text: "a walnut is a drupe".into() })?;
    /// assert_eq!(note.id, 1);
    /// assert_eq!(notes.get(1)?, Some(note));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn insert_new_row(&self, draft: &T) -> Result<T>
    where
        T: GeneratesKey<Generated = PrimaryKey<T>>,
        M: WriteAccess,
    {
        let (_, row) = self.insert_generated(draft)?;
        row::copy(&row)
    }

    /// Adds rows under new keys, all of them or none, in one commit, and returns the keys in the
    /// order of the drafts: see [`insert_new`](Self::insert_new) and
    /// [`insert_many`](Self::insert_many).
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Note { #[primary_key(auto)] id: u64, text: String }
    /// # let notes = Database::in_memory()?.table::<Note>()?;
    /// let keys = notes.insert_new_many(["milk", "bread"].map(|text| Note { id: 0, text: text.into() }))?;
    /// assert_eq!(keys, [1, 2]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn insert_new_many<R: Borrow<T>>(
        &self,
        drafts: impl IntoIterator<Item = R>,
    ) -> Result<Vec<PrimaryKey<T>>>
    where
        T: GeneratesKey<Generated = PrimaryKey<T>>,
        M: WriteAccess,
    {
        let mut rows =
            drafts.into_iter().map(|draft| row::copy(draft.borrow())).collect::<Result<Vec<T>>>()?;
        let mut is_late = false;
        loop {
            let mut keys = Vec::with_capacity(rows.len());
            for row in &mut rows {
                let number = self.next_number(&mut is_late)?;
                row.set_generated_key(generated::<T>(number));
                keys.push(generated::<T>(number));
            }
            let rows: Vec<&T> = rows.iter().collect();
            let inserted = self.change(|table| {
                rows.iter().try_for_each(|row| table.ensure_never_used(*row))?;
                table.insert_many(&rows)
            });
            match inserted {
                Err(error) if self.is_taken(&error) => {}
                inserted => return inserted.map(|()| keys),
            }
        }
    }

    /// Inserts a row under a new key; returns the number of the key and the stored row.
    fn insert_generated(&self, draft: &T) -> Result<(u128, T)>
    where
        T: GeneratesKey<Generated = PrimaryKey<T>>,
        M: WriteAccess,
    {
        let mut row = row::copy(draft)?;
        let mut is_late = false;
        loop {
            let number = self.next_number(&mut is_late)?;
            row.set_generated_key(generated::<T>(number));
            let inserted = self.change(|rows| {
                rows.ensure_never_used(&row)?;
                rows.insert(&row)
            });
            match inserted {
                Err(error) if self.is_taken(&error) => {}
                inserted => return inserted.map(|()| (number, row)),
            }
        }
    }

    fn next_number(&self, is_late: &mut bool) -> Result<u128>
    where
        T: GeneratesKey<Generated = PrimaryKey<T>>,
        M: WriteAccess,
    {
        if self.info().is_past {
            self.change(|_| Ok(()))?;
        }
        self.info().key_sequence.next::<T>(self.source().store()?, self.info(), is_late)
    }

    /// Whether the error is that another row has this key.
    fn is_taken(&self, error: &Error) -> bool {
        let is_taken = matches!(error, Error::UniqueViolation(violation) if violation.index == PRIMARY_KEY);
        if is_taken {
            self.info().key_sequence.invalidate();
        }
        is_taken
    }
}

impl Mutation<'_> {
    /// A violation if the generated key may be that of a removed row, because another program may
    /// have generated it. In a database of one process the sequence knows.
    #[inline]
    fn ensure_never_used<T: Table>(&self, row: &T) -> Result<()> {
        if self.txn.session().is_none() {
            return Ok(());
        }
        let (key, removed) = (self.info.row_key(row), catalog::removed_key(self.info));
        let key = key.finish()?;
        self.prefetch(|| [&*removed, key])?;
        match self.txn.get(&removed, |noted| *noted >= key[PREFIX..])? {
            Some(true) => return Err(self.violation(PRIMARY_KEY, &key[PREFIX..])),
            Some(false) => {}
            // From now on every struct notes the rows that it removes.
            None => self.txn.put(&removed, &[]),
        }
        Ok(())
    }
}

fn generated<T: GeneratesKey>(number: u128) -> T::Generated {
    T::Generated::from_number(number)
}
