//! The error of a transaction's closure is inferred, however little its body says.

use std::error::Error as StdError;

use walnut::{Database, Durability, Error, Result, Transaction};

#[derive(Debug)]
struct AppError;

impl From<Error> for AppError {
    fn from(_: Error) -> Self {
        Self
    }
}

fn helper(tx: &Transaction) -> Result<()> {
    tx.keyspace("a")?.put("b", "c")
}

fn runs<R>(db: &Database, body: impl FnMut(&Transaction) -> Result<R>) -> Result<R> {
    db.transact(body)
}

fn boxed(db: &Database) -> std::result::Result<(), Box<dyn StdError>> {
    db.transact(|tx| {
        helper(tx)?;
        Ok(())
    })?;
    Ok(())
}

fn converted(db: &Database) -> std::result::Result<u64, AppError> {
    Ok(db.transact(|_| Ok(3))?)
}

fn own(db: &Database) -> std::result::Result<(), AppError> {
    db.try_transact(|tx| {
        helper(tx)?;
        if tx.keyspace("a")?.is_empty()? { Err(AppError) } else { Ok(()) }
    })
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    db.transact(helper)?;
    let kept = |tx: &Transaction| -> Result<()> { helper(tx) };
    db.transact(kept)?;
    let mut calls = 0;
    db.transact(|tx| {
        calls += 1;
        helper(tx)
    })?;
    assert_eq!(runs(&db, |_| Ok(calls))?, 1);
    let number: u64 = db.transact(|_| Ok(3))?;
    assert_eq!((number, converted(&db).unwrap()), (3, 3));
    assert!(matches!(db.transact(|_| Err::<(), _>(Error::NotFound)), Err(Error::NotFound)));
    let text = db.transact(|_| if number == 3 { Err(Error::abort(7)) } else { Ok(()) }).map_err(|error| error.to_string());
    assert!(text.is_err());
    let outcome = db.transact_with(Durability::Fast, |tx| match helper(tx) {
        Ok(()) => Ok(1),
        Err(error) => Err(error),
    });
    assert!(outcome.is_ok_and(|count| count == 1));
    db.transact(|tx| [1, 2].iter().try_for_each(|_| helper(tx)))?;
    db.transact(|tx| {
        tx.keyspace("a")?.remove("b")?;
        Ok(())
    })
    .unwrap();
    boxed(&db).unwrap();
    own(&db).unwrap();
    Ok(())
}
