//! A function over tables of any type has the bound `Table`.

use walnut::{Database, DefaultTable, Result};

fn count<T>(rows: &DefaultTable<T>) -> Result<u64> {
    rows.len()
}

fn open<T>(db: &Database) -> Result<DefaultTable<T>> {
    db.table()
}

fn main() {}
