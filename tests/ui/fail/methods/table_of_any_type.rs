//! A helper over tables of any type has the bound `Table`.

use walnut::{Database, DefaultTable, ReadOnly, Result, Scan, Snapshot, Transaction};

fn count<T>(rows: &DefaultTable<T>) -> Result<u64> {
    rows.len()
}

fn open<T>(db: &Database) -> Result<DefaultTable<T>> {
    db.table()
}

fn first<T>(scan: Scan<'_, T>) -> Result<Option<T>> {
    scan.first()
}

fn insert<T>(tx: &Transaction, row: &T) -> Result<()> {
    tx.table::<T>()?.insert(row)
}

fn count_in<T>(snapshot: &Snapshot) -> Result<u64> {
    let rows: DefaultTable<T, ReadOnly> = snapshot.table()?;
    rows.len()
}

struct Repository<T> {
    rows: DefaultTable<T>,
}

impl<T> Repository<T> {
    fn count(&self) -> Result<u64> {
        self.rows.len()
    }
}

fn main() {}
