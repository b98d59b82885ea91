//! The body of a transaction returns a `walnut::Result`, at once.

use walnut::{Database, Error, Result};

fn without_ok(db: &Database) -> Result<()> {
    db.transact(|tx| {
        tx.keyspace("a")?.put("b", "c")?;
        tx.keyspace("a")?.put("d", "e")?;
    })
}

async fn pause() {}

async fn body_is_async(db: &Database) -> Result<()> {
    db.transact(|tx| async {
        pause().await;
        tx.keyspace("a")?.put("b", "c")
    })?;
    Ok(())
}

#[derive(Debug)]
enum AppError {
    Empty,
    Database(Error),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

fn own_error(db: &Database) -> Result<(), AppError> {
    db.transact(|tx| {
        if tx.keyspace("a")?.is_empty()? {
            return Err(AppError::Empty);
        }
        Ok(())
    })
}

fn own_error_by_name(db: &Database) -> Result<(), AppError> {
    db.transact(|tx| -> Result<(), AppError> {
        tx.keyspace("a")?.remove("b")?;
        Ok(())
    })
}

fn main() {}
