use walnut::{Database, Result};

fn forgotten(db: &Database) -> Result<()> {
    db.transact(|tx| {
        tx.keyspace("a")?.put("b", "c")?;
        tx.keyspace("a")?.put("d", "e")?;
    })
}

fn main() {}
