//! The row count of a table, kept as a sum of adds.
//!
//! ```text
//!   00000001 keyspace   -> adds: by how much each commit changed the number of rows in this keyspace
//! ```
//!
//! 1. Every statement adds to the sum what it changes of the number of rows, and a commit has one
//!    add for each table. An add reads nothing, so writers never conflict by the sum; a transaction
//!    that has read it conflicts with commits that write the table, as one that counts the rows.
//! 2. The sum is the row count where the record of the table says so: from the first commit on in a
//!    table made by this version, and otherwise from the commit that has counted the rows. A
//!    program that does not maintain the sum refuses such a record.
//! 3. Counting blocks no writer. The rows and the sum are read in one state, and one commit adds
//!    the difference: adds of later commits are in the sum already, and so they count, too.
//! 4. An engine that many programs share has no sums: one would be a key that every writer of a
//!    table writes.

use crate::base::{KeyRange, KeyspaceId, SeqNo};
use crate::cursor::Direction;
use crate::engine::Durability;
use crate::error::{Fault, Result};
use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::table::catalog::{self, TableInfo};
use crate::table::handle::default_table::DefaultTable;
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::source::{Access, Source};
use crate::txn::{CounterKey, EntryReader};

/// In which states the sum of a table is its row count: the same for every handle of the table.
#[derive(Debug)]
pub(in crate::table) struct RowCount {
    /// The first such state; `u64::MAX` as long as there is none.
    since: AtomicU64,
    /// Held while the rows are counted: two that correct the sum at once would correct it twice.
    counting: Mutex<()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) struct CountedRows {
    pub(super) count: u64,
    /// The sum minus the number of rows, if the sum should have been that number.
    pub(in crate::table) difference: i64,
}

impl RowCount {
    pub(in crate::table) fn new(is_kept: bool) -> Self {
        let since = if is_kept { SeqNo::ZERO } else { SeqNo::MAX };
        Self { since: AtomicU64::new(since.0), counting: Mutex::default() }
    }

    /// Whether the newest state has the row count.
    fn is_kept(&self) -> bool {
        self.since.load(Ordering::Acquire) != SeqNo::MAX.0
    }

    fn is_kept_at(&self, at: SeqNo) -> bool {
        self.since.load(Ordering::Acquire) <= at.0
    }
}

pub(in crate::table) fn row_count_key(rows: KeyspaceId) -> CounterKey {
    let mut key = CounterKey::default();
    let (prefix, id) = key.split_at_mut(size_of::<KeyspaceId>());
    prefix.copy_from_slice(&KeyspaceId::ROW_COUNTS.prefix());
    id.copy_from_slice(&rows.prefix());
    key
}

impl TableInfo {
    /// The row count as the state of `reader` has it; `None` where the rows must be counted.
    pub(in crate::table) fn row_count_in(&self, reader: EntryReader<'_>) -> Result<Option<i64>> {
        match reader.at() {
            Some(at) if self.row_count.is_kept_at(at) => {
                // As if the rows were counted: a write to any of them is a conflict.
                reader.track_range(&KeyRange::prefix(&self.rows.prefix()));
                reader.counter(row_count_key(self.rows)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl<T: Table, M: Access> DefaultTable<T, M> {
    /// The number of rows, exact in the state that is read, a transaction's own writes included.
    ///
    /// Each commit carries by how much it changed the number, so writers do not conflict by it. A
    /// transaction that calls `len` conflicts with every later commit that writes the table.
    ///
    /// Cost: one look-up. The rows are counted, at the cost of [`Scan::count`](crate::Scan::count),
    /// where the engine runs elsewhere, because a number that every writer changes would have them
    /// all conflict there; in a table of an earlier version of this library, the first time that a
    /// handle of the database asks; and in snapshots and transactions from before that time.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64 }
    /// # let db = Database::in_memory()?;
    /// let users = db.table::<User>()?;
    /// users.insert_many([User { id: 1 }, User { id: 2 }])?;
    /// let before = db.snapshot();
    /// users.remove(1)?;
    /// assert_eq!(users.len()?, 1);
    /// assert_eq!(before.table::<User>()?.len()?, 2);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn len(&self) -> Result<u64> {
        match self.source().len(self.info())? {
            Some(count) => Ok(count),
            None => self.iter().count(),
        }
    }

    /// Whether there is no row.
    ///
    /// Cost: that of [`Scan::first`](crate::Scan::first): a block read for each run of files.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.iter().keys().next().transpose()?.is_none())
    }
}

impl Source {
    /// The row count of a table, also if its rows have to be counted for it once; `None` where they
    /// must be counted each time.
    pub(in crate::table) fn len(&self, info: &TableInfo) -> Result<Option<u64>> {
        match self {
            Self::Database(store) if !info.row_count.is_kept() => {
                store.count_rows(info).map(|rows| Some(rows.count))
            }
            _ => self.row_count(info),
        }
    }

    /// The row count of a table; `None` where the rows must be counted.
    pub(in crate::table) fn row_count(&self, info: &TableInfo) -> Result<Option<u64>> {
        let Some(sum) = self.read(|reader| info.row_count_in(reader))? else { return Ok(None) };
        let count = u64::try_from(sum);
        count.map(Some).map_err(|_| self.corruption(Fault::Invalid("row count of a table")))
    }
}

impl Store {
    /// Counts the rows of a table, and has the sum be their number from then on. The count holds
    /// also when that cannot be written; then the next call tries again.
    ///
    /// Cost: that of counting a scan, and a commit that asks for no sync.
    pub(in crate::table) fn count_rows(&self, info: &TableInfo) -> Result<CountedRows> {
        let _turn = info.row_count.counting.lock();
        let mut rows = self.scan_now(KeyRange::prefix(&info.rows.prefix()))?;
        let reader = rows.state().reader();
        let was_kept = info.row_count_in(reader)?.is_some();
        let sum = reader.counter(row_count_key(info.rows))?;
        let mut count = 0u64;
        while rows.next()?.is_some() {
            count += 1 + rows.pass_live(Direction::Forward) as u64;
        }
        let difference = sum.wrapping_sub_unsigned(count);
        let counted = CountedRows { count, difference: if was_kept { difference } else { 0 } };
        if was_kept && difference == 0 {
            return Ok(counted);
        }
        let kept = self.change_internally(Durability::Fast, |txn| {
            txn.add_to_counter(row_count_key(info.rows), difference.wrapping_neg());
            catalog::keep_row_count(txn, info, self.dir())
        });
        if kept.is_ok() && !was_kept {
            info.row_count.since.store(self.applied().0, Ordering::Release);
        }
        Ok(counted)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::error::{Error, FindingKind};
    use crate::{Database, DefaultTable};

    #[derive(crate::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "things", crate = crate)]
    struct Thing {
        #[primary_key]
        id: u32,
    }

    /// Changes the sum of a table and nothing else.
    fn falsify(table: &DefaultTable<Thing>, delta: i64) {
        let key = row_count_key(table.info().rows);
        let store = table.source().database().unwrap();
        store
            .change(|txn| {
                txn.add_to_counter(key, delta);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn verify_finds_a_wrong_row_count_and_sweep_corrects_it() {
        let db = Database::in_memory().unwrap();
        let things = db.table::<Thing>().unwrap();
        things.insert_many((0..5).map(|id| Thing { id })).unwrap();
        assert!(things.sweep().unwrap().is_clean());
        for wrong in [2, -1, -9] {
            falsify(&things, wrong);
            let Err(Error::Disagreement(found)) = db.verify() else { panic!("it is wrong by {wrong}") };
            assert_eq!(found.findings()[0].kind(), FindingKind::OtherRowCount);
            assert!(db.dynamic("things").unwrap().verify().is_err());
            assert_eq!(things.len().is_err(), wrong == -9, "a number below zero is damage");
            let swept = things.sweep().unwrap();
            assert_eq!((swept.row_count_difference, swept.is_clean()), (wrong, false));
            assert_eq!(things.len().unwrap(), 5);
            db.verify().unwrap();
            assert!(things.sweep().unwrap().is_clean());
        }
    }

    #[test]
    fn a_record_says_by_its_form_that_earlier_versions_may_not_write_the_table() {
        let db = Database::in_memory().unwrap();
        let things = db.table::<Thing>().unwrap();
        let store = things.source().database().unwrap();
        let form = || {
            let key = catalog::table_key("things");
            store.read_now(|reader| reader.get(&key, |record| record[0])).unwrap()
        };
        assert_eq!(form(), Some(4));
        store.change(|txn| catalog::forget_row_count(txn, "things", store.dir())).unwrap();
        assert_eq!(form(), Some(3));
    }
}
