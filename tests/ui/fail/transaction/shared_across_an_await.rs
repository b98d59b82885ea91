//! A transaction is used by one thread, so a task that moves between threads cannot hold it.

use walnut::{Database, Result, Transaction};

fn spawn(_: impl Future<Output = Result<()>> + Send + 'static) {}

async fn fetch(tx: &Transaction) -> Result<()> {
    let _ = tx;
    Ok(())
}

async fn pay(db: Database) -> Result<()> {
    let tx = db.begin();
    fetch(&tx).await?;
    tx.commit()
}

fn use_it(db: Database) {
    spawn(pay(db));
}

fn main() {}
