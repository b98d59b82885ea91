//! Rows of a scan that are changed or removed: in one commit, or in batches of bounded size.
//!
//! All at once, the statement looks for the rows in its own transaction. In batches, the rows are
//! those of the state at which the scan was made, and each batch looks at its rows again: one that
//! was removed meanwhile, or that the scan would not find any more, is passed over. So a row whose
//! update moves it within the index is not found a second time.

use std::collections::HashSet;
use std::sync::Arc;

use super::Scan;
use super::layout::Target;
use super::scan_core::{RangeEnd, ScanCore};
use crate::error::{Error, Result};
use crate::table::key::{Key, KeyBytes, KeyWriter};
use crate::table::schema::mapper::Table;
use crate::table::source::WriteAccess;
use crate::table::write::mutate::Mutation;

/// A scan whose rows are changed or removed in several commits, made by [`Scan::in_batches`].
#[derive(Debug)]
#[must_use = "it changes nothing until `remove_all` or `update_all` is called"]
pub struct Batches<S> {
    scan: S,
    size: usize,
}

impl<T: Table, K: Key, R, M> Scan<'_, T, K, R, M> {
    /// Changes the rows that the scan has not returned yet, all in one commit, and returns how many
    /// there were.
    ///
    /// It looks again, in the transaction that changes the rows: commits since the scan was made
    /// count. The rows change one after the other, each as by
    /// [`modify`](crate::DefaultTable::modify): changing a primary key is
    /// [`Error::Unsupported`](crate::Error::Unsupported), a unique value that another row has at
    /// that moment [`Error::UniqueViolation`](crate::Error::UniqueViolation), and after an error
    /// nothing was changed. A filter and `update` may be called more than once for a row, when
    /// other commits get in the way.
    ///
    /// Cost: reads each row, and keeps the keys and the writes of all of them in memory until the
    /// commit; one write to the log. A commit that is too large is
    /// [`Error::Limit`](crate::Error::Limit): see [`in_batches`](Self::in_batches).
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// users.insert_many([User { id: 1, age: 17 }, User { id: 2, age: 18 }])?;
    /// assert_eq!(users.by().age.range(..=17).update_all(|user| user.age += 1)?, 1);
    /// assert_eq!(users.by().age.all(18).count()?, 2);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn update_all(mut self, mut update: impl FnMut(&mut T)) -> Result<u64>
    where
        M: WriteAccess,
    {
        let info = Arc::clone(self.core.info());
        self.source.change(&mut |txn| {
            let rows = Mutation::new(txn, &info, self.source.store()?);
            rows.prefetch(|| [])?;
            let keys = self.core.rows_in(txn)?;
            rows.prefetch(|| keys.iter().filter_map(|key| key.finish().ok()).collect::<Vec<_>>())?;
            // An index may show a row more than once.
            let (mut seen, mut count) = (HashSet::new(), 0);
            for key in keys.iter().map(KeyWriter::finish) {
                let key = key?;
                if seen.insert(key) && rows.modify(key, &mut update)?.is_some() {
                    count += 1;
                }
            }
            Ok(count)
        })
    }

    /// The same scan, to be removed or updated in commits of at most `count` rows each, without
    /// atomicity: other readers see some of the rows changed and others not yet, and after an error
    /// or a crash the batches that were committed stay. Within a transaction all batches are part
    /// of it.
    ///
    /// The rows are those of the state at which the scan was made. Each batch looks at its rows
    /// again; a row that was removed, or changed so that the scan would not find it any more, is
    /// passed over.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Event { #[primary_key] id: u64, #[index] at: u64 }
    /// # let events = Database::in_memory()?.table::<Event>()?;
    /// events.insert_many((0..1000).map(|id| Event { id, at: id }))?;
    /// assert_eq!(events.by().at.range(..900).in_batches(100).remove_all()?, 900); // nine commits
    /// assert_eq!(events.iter().in_batches(64).update_all(|event| event.at += 1)?, 100);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn in_batches(self, count: usize) -> Batches<Self>
    where
        M: WriteAccess,
    {
        Batches { scan: self, size: count }
    }
}

impl<T: Table, K: Key, R, M: WriteAccess> Batches<Scan<'_, T, K, R, M>> {
    /// Removes the rows, and returns how many were removed.
    ///
    /// A row that cannot be read ends it with an error;
    /// [`unreadable`](crate::DefaultTable::unreadable) removes such rows.
    /// [`Error::Unsupported`](crate::Error::Unsupported) for batches of no rows.
    ///
    /// Cost: reads each row twice; one write to the log for each batch, whose keys are in memory.
    pub fn remove_all(self) -> Result<u64> {
        self.run(|rows, key, core, (entry, primary_key)| {
            let taken = rows.take::<T>(key, |row| core.selects(entry, primary_key, row))?;
            Ok(taken.is_some())
        })
    }

    /// Changes the rows as [`Scan::update_all`] does, and returns how many were changed.
    ///
    /// `update` is called once for each row, and again when other commits get in the way of a
    /// batch. A row that cannot be read ends it with an error.
    /// [`Error::Unsupported`](crate::Error::Unsupported) for batches of no rows.
    ///
    /// Cost: reads each row twice; one write to the log for each batch, whose keys and rows are in
    /// memory. By an index with `each` the primary keys of all rows are kept in memory, because
    /// such an index may show a row more than once.
    pub fn update_all(self, mut update: impl FnMut(&mut T)) -> Result<u64> {
        self.run(|rows, key, core, (entry, primary_key)| {
            let updated = rows.modify_if(key, |row| core.selects(entry, primary_key, row), &mut update)?;
            Ok(updated.is_some())
        })
    }

    /// Calls `change` for each row, so many of them in each commit, and returns how often it
    /// returned true. It gets the engine's key of the row, and the entry and the primary key by
    /// which the scan has found it.
    fn run(
        mut self,
        mut change: impl FnMut(&Mutation<'_>, &[u8], &mut ScanCore<'_, T>, (&[u8], &[u8])) -> Result<bool>,
    ) -> Result<u64> {
        if self.size == 0 {
            return Err(Error::Unsupported("batches of no rows, which would never end"));
        }
        let (core, source) = (&mut self.scan.core, &self.scan.source);
        let info = Arc::clone(core.info());
        let mut seen = core.may_repeat_rows().then(HashSet::new);
        let mut count = 0;
        loop {
            let batch = next_batch(core, self.size, &mut seen)?;
            if batch.is_empty() {
                return Ok(count);
            }
            count += source.change(&mut |txn| {
                let rows = Mutation::new(txn, &info, source.store()?);
                let keys: Vec<_> =
                    batch.iter().map(|(_, primary_key)| info.key_of_row(primary_key)).collect();
                rows.prefetch(|| keys.iter().filter_map(|key| key.finish().ok()).collect::<Vec<_>>())?;
                let mut count = 0;
                for (entry, primary_key) in &batch {
                    let key = info.key_of_row(primary_key);
                    count += u64::from(change(&rows, key.finish()?, core, (entry, primary_key))?);
                }
                Ok(count)
            })?;
        }
    }
}

/// The entries and primary keys of the next rows, at most so many, without those that were seen.
fn next_batch<T: Table>(
    core: &mut ScanCore<'_, T>,
    size: usize,
    seen: &mut Option<HashSet<KeyBytes>>,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut batch = Vec::new();
    while batch.len() < size
        && let Some((entry, primary_key)) = core.next_keys(RangeEnd::Front)?
    {
        let is_new = seen.as_mut().is_none_or(|seen| seen.insert(KeyBytes::from_slice(&primary_key)));
        if is_new {
            batch.push((entry, primary_key));
        }
    }
    Ok(batch)
}

impl<T: Table> ScanCore<'_, T> {
    /// Whether it goes by an index that may have several entries for one row.
    fn may_repeat_rows(&self) -> bool {
        match self.layout.target {
            Target::Rows => false,
            Target::Index(index) => {
                self.info.schema.indexes[index].parts.iter().any(|part| part.contains("each("))
            }
        }
    }
}
