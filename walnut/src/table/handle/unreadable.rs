//! Rows that this program's struct cannot decode, and their removal.

use std::fmt;
use std::marker::PhantomData;

use crate::base::{KeyRange, after, successor};
use crate::error::{Error, Result};
use crate::table::key::{Key, KeyReader};
use crate::table::schema::mapper::Table;
use crate::table::source::{Access, WriteAccess};
use crate::table::write::mutate::PREFIX;
use crate::table::{DefaultTable, row};
use crate::txn::EntryScan;

/// The most rows that one commit removes; the key of each is kept in memory.
const BATCH_COUNT: usize = 4096;

/// The primary keys of the rows that cannot be read, in order; of [`DefaultTable::unreadable`].
///
/// It returns one error and then ends, also for a key that the table's key type cannot decode. Only
/// [`remove_all`](Self::remove_all) removes such a row.
#[must_use = "nothing is read until it is asked for keys"]
pub struct Unreadable<T: Table, M: Access> {
    table: DefaultTable<T, M>,
    /// `None` once it has ended.
    walk: Option<EntryScan>,
    /// The error of a scan that could not be begun.
    failure: Option<Error>,
    row: PhantomData<fn() -> T>,
}

impl<T: Table, M: Access> DefaultTable<T, M> {
    /// The primary keys of the rows that the struct of this program does not read: because another
    /// struct has written them, or because a migration refuses them. Reading such a row is
    /// [`Error::Unreadable`](crate::Error::Unreadable).
    ///
    /// They can be read by the program that wrote them. [`remove`](Self::remove) removes one,
    /// [`Unreadable::remove_all`] all of them.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// let users = db.table::<User>()?;
    /// for id in users.unreadable() {
    ///     println!("user {} cannot be read", id?);
    /// }
    /// assert_eq!(users.unreadable().remove_all()?, 0);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// Cost: reads every row.
    pub fn unreadable(&self) -> Unreadable<T, M> {
        let (walk, failure) = match self.source().scan(KeyRange::prefix(&self.info().rows.prefix())) {
            Ok(walk) => (Some(walk), None),
            Err(error) => (None, Some(error)),
        };
        Unreadable { table: self.clone(), walk, failure, row: PhantomData }
    }
}

impl<T: Table, M: Access> Iterator for Unreadable<T, M> {
    type Item = Result<T::PrimaryKey>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failure) = self.failure.take() {
            return Some(Err(failure));
        }
        let next = self.step().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.walk = None;
        }
        next
    }
}

impl<T: Table, M: Access> Unreadable<T, M> {
    fn step(&mut self) -> Result<Option<T::PrimaryKey>> {
        let Some(walk) = &mut self.walk else { return Ok(None) };
        let Some(key) = next_unreadable::<T>(walk)? else { return Ok(None) };
        let primary_key = &key[PREFIX..];
        let decoded = T::PrimaryKey::decode(&mut KeyReader::new(primary_key));
        decoded.map(Some).map_err(|fault| self.table.info().unreadable(primary_key, fault))
    }
}

impl<T: Table, M: WriteAccess> Unreadable<T, M> {
    /// Removes these rows with all of their index entries, including those that were returned
    /// already and those whose keys cannot be read; returns their number.
    ///
    /// Each few thousand rows are a commit of their own, so after an error some may be removed and
    /// others not.
    ///
    /// Cost: reads every row; for each commit every entry of every index.
    pub fn remove_all(self) -> Result<u64> {
        let Self { table, failure, .. } = self;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let prefix = table.info().rows.prefix();
        let most = table.source().store()?.batch_count(BATCH_COUNT, 1);
        let (mut count, mut next) = (0, Some(prefix.to_vec()));
        while let Some(start) = next {
            let range = KeyRange { start, end: successor(&prefix) };
            let (removed, last) = table.change(|mutation| {
                let mut walk = mutation.txn.scan(range.clone())?;
                let mut keys = Vec::new();
                while keys.len() < most
                    && let Some(key) = next_unreadable::<T>(&mut walk)?
                {
                    keys.push(key);
                }
                drop(walk);
                let rows: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let removed = mutation.remove_many::<T>(&rows, |_| ())?;
                Ok((removed, (keys.len() == most).then(|| keys.pop()).flatten()))
            })?;
            count += removed;
            next = last.map(|last| after(&last));
        }
        Ok(count)
    }
}

/// The engine key of the next row that cannot be decoded.
fn next_unreadable<T: Table>(walk: &mut EntryScan) -> Result<Option<Vec<u8>>> {
    while let Some(found) = walk.next()? {
        if row::open::<T>(&found.value.load()?).is_err() {
            return Ok(Some(found.key.to_vec()));
        }
    }
    Ok(None)
}

impl<T: Table, M: Access> fmt::Debug for Unreadable<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreadable").field("table", &self.table.info().schema.name).finish_non_exhaustive()
    }
}
