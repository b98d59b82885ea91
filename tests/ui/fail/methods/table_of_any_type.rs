use walnut::{Database, DefaultTable, Result};

fn count<T>(rows: &DefaultTable<T>) -> Result<u64> {
    rows.len()
}

fn open<T>(db: &Database) -> Result<DefaultTable<T>> {
    db.table()
}

fn main() {}
