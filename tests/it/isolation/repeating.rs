//! How `transact` repeats, and when it does not; the program of the interface's second chapter.

use walnut::{Database, Durability, Error, Result, Table};

use super::{Item, elsewhere, item, set, two_rows, value, values};

#[test]
fn a_closure_runs_again_when_another_commit_got_in_its_way() -> Result<()> {
    let db = two_rows()?;
    let outside = db.table::<Item>()?;
    let mut runs = 0;
    let seen = db.transact(|tx| {
        runs += 1;
        let items = tx.table::<Item>()?;
        let seen = value(&items, 1)?.unwrap();
        if runs < 6 {
            elsewhere(|| set(&outside, 1, seen + 100))?;
        }
        set(&items, 1, seen + 1)?;
        Ok(seen)
    })?;
    assert_eq!((runs, seen), (6, 510));
    assert_eq!(values(&db)?, [(1, 511), (2, 20)]);
    Ok(())
}

#[test]
fn it_gives_up_after_a_thousand_runs() -> Result<()> {
    let db = two_rows()?;
    let outside = db.table::<Item>()?;
    let mut runs = 0;
    let outcome = db.transact_with(Durability::Fast, |tx| {
        runs += 1;
        let items = tx.table::<Item>()?;
        set(&items, 1, value(&items, 1)?.unwrap() + 1)?;
        elsewhere(|| set(&outside, 1, 0 - runs))
    });
    assert!(matches!(outcome, Err(Error::Conflict)));
    assert_eq!((runs, values(&db)?[0]), (1000, (1, -1000)));
    Ok(())
}

#[test]
fn an_error_of_the_closure_rolls_back_and_is_returned_as_it_is() -> Result<()> {
    #[derive(Debug, PartialEq)]
    struct TooPoor(i64);

    let db = two_rows()?;
    for error in [|| Error::abort(TooPoor(7)), || Error::NotFound, || Error::Conflict] {
        let mut runs = 0;
        let outcome: Result<()> = db.transact(|tx| {
            runs += 1;
            tx.table::<Item>()?.insert(&item(3, 30))?;
            Err(error())
        });
        let (returned, expected) = (outcome.unwrap_err(), error());
        assert_eq!((runs, returned.to_string()), (1, expected.to_string()));
        assert_eq!(returned.abort_ref::<TooPoor>(), expected.abort_ref());
    }
    assert_eq!(values(&db)?, [(1, 10), (2, 20)]);
    Ok(())
}

#[test]
fn a_transaction_within_a_transaction_is_one_of_its_own_and_waits_for_nobody_for_ever() -> Result<()> {
    let db = two_rows()?;
    let outside = db.table::<Item>()?;
    let (mut outer_runs, mut inner_runs) = (0, 0);
    db.transact(|outer| {
        outer_runs += 1;
        let items = outer.table::<Item>()?;
        let seen = value(&items, 1)?.unwrap();
        set(&items, 1, seen + 1)?;
        if outer_runs <= 4 {
            return elsewhere(|| set(&outside, 1, seen + 100));
        }
        // Both have lost so often by now that they would take turns, and the outer one has the turn.
        db.transact(|inner| {
            inner_runs += 1;
            let items = inner.table::<Item>()?;
            let seen = value(&items, 2)?.unwrap();
            set(&items, 2, seen + 1)?;
            if inner_runs <= 4 { elsewhere(|| set(&outside, 2, seen + 100)) } else { Ok(()) }
        })
    })?;
    assert_eq!((outer_runs, inner_runs), (5, 5));
    assert_eq!(values(&db)?, [(1, 411), (2, 421)]);
    Ok(())
}

#[test]
fn a_transaction_that_only_read_never_fails() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    assert_eq!((items.len()?, items.contains(7)?), (2, false));
    let outside = db.table::<Item>()?;
    set(&outside, 1, 11)?;
    outside.insert(&item(7, 70))?;
    assert_eq!((items.len()?, value(&items, 1)?, items.contains(7)?), (2, Some(10), false));
    tx.commit()
}

/// A user, as far as the program needs it.
#[derive(Table, serde::Serialize, serde::Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    age: u8,
}

#[derive(Debug)]
struct NoSuchUser;

#[test]
fn the_program_of_the_chapter_on_transactions_runs_as_it_stands() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<User>()?.insert(&User { id: 7, email: "ann@x.org".into(), age: 30 })?;

    let n = db.transact(|tx| {
        let users = tx.table::<User>()?;
        let u = users.by().email.get("ann@x.org")?.ok_or_else(|| Error::abort(NoSuchUser))?;
        users.modify(u.id, |u| u.age += 1)?;
        users.len()
    })?;
    assert_eq!(n, 1);
    db.transact_with(Durability::Fast, |tx| tx.table::<User>()?.modify(7, |u| u.age += 1))?;

    let tx = db.begin();
    let sp = tx.savepoint();
    tx.table::<User>()?.remove(7)?;
    tx.rollback_to(sp)?;
    tx.commit()?;
    db.begin().commit_with(Durability::Group)?;
    let snap = db.snapshot();
    let ann = snap.table::<User>()?.get(7)?;
    assert_eq!(ann.map(|user| user.age), Some(32));
    Ok(())
}
