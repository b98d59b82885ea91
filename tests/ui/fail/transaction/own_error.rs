use walnut::{Database, Error};

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

fn inferred(db: &Database) -> Result<(), AppError> {
    db.transact(|tx| {
        if tx.keyspace("a")?.is_empty()? {
            return Err(AppError::Empty);
        }
        Ok(())
    })
}

fn annotated(db: &Database) -> Result<(), AppError> {
    db.transact(|tx| -> Result<(), AppError> {
        tx.keyspace("a")?.remove("b")?;
        Ok(())
    })
}

fn main() {}
