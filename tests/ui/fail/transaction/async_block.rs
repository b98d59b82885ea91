use walnut::{Database, Result};

async fn pause() {}

async fn body_is_async(db: &Database) -> Result<()> {
    db.transact(|tx| async {
        pause().await;
        tx.keyspace("a")?.put("b", "c")
    })?;
    Ok(())
}

fn main() {}
