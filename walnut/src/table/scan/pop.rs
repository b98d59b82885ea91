//! Taking the first or the last row of a scan: a table or an index as a queue.
//!
//! A consumer looks for the first matching row without a row lock, locks it, and removes it in a
//! transaction that reads the row and nothing else. So consumers do not conflict with each other,
//! nor with producers: only with a change of the very row, and then the consumer looks again.
//!
//! Within a transaction the row is the first of its snapshot, and the removal one of its writes.

use super::Scan;
use super::scan_core::RangeEnd;
use crate::error::Result;
use crate::table::key::Key;
use crate::table::schema::mapper::Table;
use crate::table::source::WriteAccess;
use crate::table::write::mutate::Mutation;

impl<T: Table, K: Key, R, M> Scan<'_, T, K, R, M> {
    /// Takes the first row: removes it, and returns it when the removal is acknowledged as the
    /// database's durability says. `None` when there is none, or other consumers are taking all of
    /// them.
    ///
    /// Consumers in several threads each take another row, without conflicts. A row is taken by one
    /// consumer; others pass it over meanwhile, and find it again if its removal fails. So rows are
    /// taken in the order of the scan, each exactly once, but two that are taken at the same time
    /// may be done in either order. It looks at what is there when it is called, not when the scan
    /// was made.
    ///
    /// A row is gone when it is taken, also if its consumer crashes before it has done the work. In
    /// a [transaction](crate::Database::transact), the removal happens together with what the work
    /// writes, or not at all; two transactions that take the same row conflict, and the second one
    /// runs again.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
    /// struct Job { #[primary_key] id: u64, #[index] priority: u8 }
    ///
    /// # let db = Database::in_memory()?;
    /// let jobs = db.table::<Job>()?;
    /// jobs.insert_many(&[Job { id: 1, priority: 3 }, Job { id: 2, priority: 1 }, Job { id: 3, priority: 1 }])?;
    ///
    /// assert_eq!(jobs.by().priority.iter().pop_first()?, Some(Job { id: 2, priority: 1 }));
    /// assert_eq!(jobs.iter().pop_last()?, Some(Job { id: 3, priority: 1 }));
    /// assert_eq!(jobs.by().priority.range(..3).pop_first()?, None);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// A scan of a snapshot cannot do that:
    ///
    /// ```compile_fail,E0277
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Job { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// db.snapshot().table::<Job>()?.iter().pop_first()?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    ///
    /// Cost: what [`first`](Self::first) and [`DefaultTable::remove`](crate::DefaultTable::remove)
    /// cost, and a step over each row that others are taking.
    pub fn pop_first(self) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        self.pop(RangeEnd::Front)
    }

    /// Takes the last row, as [`pop_first`](Self::pop_first) does the first.
    pub fn pop_last(self) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        self.pop(RangeEnd::Back)
    }

    fn pop(mut self, end: RangeEnd) -> Result<Option<T>>
    where
        M: WriteAccess,
    {
        let info = std::sync::Arc::clone(self.core.info());
        let Some(row_locks) = self.source.row_locks() else {
            return self.source.change(&mut |txn| {
                let rows = Mutation::new(txn, &info, self.source.store()?);
                rows.prefetch(|| [])?;
                match self.core.row_in(txn, end)? {
                    None => Ok(None),
                    Some(key) => rows.take(key.finish()?, |_| Ok(true)),
                }
            });
        };
        self.core.restart(|range| self.source.scan(range))?;
        while let Some((entry, primary_key)) = self.core.next_keys(end)? {
            let key = info.key_of_row(&primary_key);
            let Some(_lock) = row_locks.try_lock(key.finish()?) else { continue };
            let taken = self.source.change(&mut |txn| {
                let rows = Mutation::new(txn, &info, self.source.store()?);
                // It may have changed since it was found, so that the scan would not give it any
                // more.
                rows.take(key.finish()?, |row| self.core.selects(&entry, &primary_key, row))
            })?;
            if taken.is_some() {
                return Ok(taken);
            }
        }
        Ok(None)
    }
}
