//! An application's own error passes through a transaction with its type.

use walnut::{Database, Durability, Error, Result};

use super::{Item, elsewhere, item, set, two_rows, value, values};

#[derive(Debug)]
enum Refused {
    TooPoor { missing: i64 },
    Database(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

fn pay(db: &Database, price: i64) -> Result<i64, Refused> {
    db.try_transact(|tx| {
        let items = tx.table::<Item>()?;
        let left = value(&items, 1)?.unwrap_or(0) - price;
        set(&items, 1, left)?;
        if left < 0 {
            return Err(Refused::TooPoor { missing: -left });
        }
        Ok(left)
    })
}

/// Not on an engine elsewhere: its database is never closed.
#[cfg(not(feature = "remote"))]
#[test]
fn the_error_of_a_body_is_returned_with_its_type_and_rolls_back() -> Result<()> {
    let db = two_rows()?;
    assert!(matches!(pay(&db, 4), Ok(6)));
    assert!(matches!(pay(&db, 10), Err(Refused::TooPoor { missing: 4 })));
    assert_eq!(values(&db)?, [(1, 6), (2, 20)]);
    db.close()?;
    assert!(matches!(pay(&db, 1), Err(Refused::Database(Error::Closed))));
    Ok(())
}

#[test]
fn what_lost_to_another_commit_is_run_again() {
    let db = two_rows().unwrap();
    let outside = db.table::<Item>().unwrap();
    let mut runs = 0;
    let left = db.try_transact_with(Durability::Fast, |tx| -> Result<i64, Refused> {
        runs += 1;
        let items = tx.table::<Item>()?;
        let left = value(&items, 1)?.unwrap_or(0) - 1;
        if runs < 4 {
            elsewhere(|| set(&outside, 1, left))?;
        }
        set(&items, 1, left)?;
        Ok(left)
    });
    assert_eq!((left.unwrap(), runs), (6, 4));
}

/// The transaction begins before the table that it writes is dropped and made anew: it is lost, and its body hears of it as of a conflict.
/// Not on an engine elsewhere: a state is chosen with the first read.
#[cfg(not(feature = "remote"))]
#[test]
fn an_attempt_that_is_lost_is_run_again_whatever_its_body_makes_of_the_error() {
    for swallowed in [false, true] {
        let db = two_rows().unwrap();
        let mut runs = 0;
        let outcome = db.try_transact(|tx| -> Result<u32, Refused> {
            runs += 1;
            if runs == 1 {
                elsewhere(|| db.drop_table("items"))?;
            }
            let items = tx.table::<Item>()?;
            match items.insert(&item(9, 90)) {
                Err(error) if !swallowed => return Err(Refused::Database(error)),
                Err(_) => return Err(Refused::TooPoor { missing: 1 }),
                Ok(()) => {}
            }
            Ok(runs)
        });
        assert_eq!(outcome.unwrap(), 2, "{swallowed}");
        assert_eq!(values(&db).unwrap(), [(9, 90)]);
    }
}

#[test]
fn a_lost_transaction_that_gives_up_is_a_conflict_in_the_error_of_the_body() {
    let db = two_rows().unwrap();
    let outside = db.table::<Item>().unwrap();
    let mut runs = 0;
    let outcome = db.try_transact_with(Durability::Fast, |tx| -> Result<(), Refused> {
        runs += 1;
        let items = tx.table::<Item>()?;
        set(&items, 1, value(&items, 1)?.unwrap_or(0) + 1)?;
        Ok(elsewhere(|| set(&outside, 1, 0 - runs))?)
    });
    assert!(matches!(outcome, Err(Refused::Database(Error::Conflict))));
    assert_eq!(runs, 1000);
}
