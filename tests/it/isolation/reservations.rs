//! Reservations of unique values: who holds one, how long, and that they decide nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use walnut::{Database, Error, Result, Transaction};

use super::{Item, item, named};

fn reserve(tx: &Transaction, name: &str) -> Result<bool> {
    tx.table::<Item>()?.by().name.try_reserve_unique(Some(name))
}

fn holds(tx: &Transaction, name: &str) -> Result<bool> {
    tx.table::<Item>()?.by().name.is_unique_owner(Some(name))
}

#[test]
fn a_value_is_reserved_for_one_transaction_until_that_ends() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert(&named(1, "taken"))?;
    let ends: [fn(Transaction); 4] = [
        drop,
        |tx| tx.commit().unwrap(),
        |tx| assert!(tx.table::<Item>().unwrap().by().name.release_unique(Some("ann")).unwrap()),
        |tx| {
            let panic = catch_unwind(AssertUnwindSafe(move || {
                tx.table::<Item>().unwrap().modify(1, |_| panic!("in a closure")).unwrap()
            }));
            assert!(panic.is_err());
        },
    ];
    for end in ends {
        let (one, other) = (db.begin(), db.begin());
        assert!(reserve(&one, "ann")? && reserve(&one, "ann")? && holds(&one, "ann")?);
        assert!(!reserve(&other, "ann")? && !holds(&other, "ann")?);
        assert!(reserve(&other, "bob")?, "another value is another matter");
        assert!(!reserve(&other, "taken")?, "a row has it");
        end(one);
        assert!(reserve(&other, "ann")?);
    }
    Ok(())
}

#[test]
fn a_missing_value_needs_no_reservation() -> Result<()> {
    let db = Database::in_memory()?;
    let (one, other) = (db.begin(), db.begin());
    let (ones, others) = (one.table::<Item>()?, other.table::<Item>()?);
    assert!(ones.by().name.try_reserve_unique(None)? && others.by().name.try_reserve_unique(None)?);
    assert!(!ones.by().name.is_unique_owner(None)? && !ones.by().name.release_unique(None)?);
    Ok(())
}

#[test]
fn a_row_that_is_written_reserves_its_values_and_what_is_taken_back_gives_them_back() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert(&named(1, "taken"))?;
    let (one, other) = (db.begin(), db.begin());
    let items = one.table::<Item>()?;
    let savepoint = one.savepoint();
    items.insert(&named(2, "ann"))?;
    assert!(holds(&one, "ann")? && !reserve(&other, "ann")?);
    one.rollback_to(savepoint)?;
    assert!(!holds(&one, "ann")? && reserve(&other, "ann")?);
    // A statement that fails gives back what it had reserved, and only that.
    items.insert(&named(3, "cid"))?;
    let refused = items.insert_many(&[named(4, "dan"), named(1, "eve")]);
    assert!(matches!(refused, Err(Error::UniqueViolation(_))));
    assert!(holds(&one, "cid")? && !holds(&one, "dan")? && !holds(&one, "eve")?);
    Ok(())
}

#[test]
fn a_reservation_does_not_decide_who_owns_a_value() -> Result<()> {
    let db = Database::in_memory()?;
    let items = db.table::<Item>()?;
    let tx = db.begin();
    assert!(reserve(&tx, "ann")?);
    // Somebody who does not care waits a moment, and takes it.
    items.insert(&named(1, "ann"))?;
    tx.table::<Item>()?.insert(&named(2, "ann"))?;
    assert!(holds(&tx, "ann")?);
    assert!(matches!(tx.commit(), Err(Error::Conflict)));
    assert_eq!(items.by().name.get(Some("ann"))?, Some(named(1, "ann")));
    // The conflict has given it back.
    assert!(!reserve(&db.begin(), "ann")?, "a row has it");
    items.remove(1)?;
    assert!(reserve(&db.begin(), "ann")?);
    db.verify()?;
    Ok(())
}

#[test]
fn two_who_want_each_others_values_do_not_wait_for_ever() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?;
    let (one, other) = (db.begin(), db.begin());
    let (ones, others) = (one.table::<Item>()?, other.table::<Item>()?);
    ones.insert(&named(1, "ann"))?;
    others.insert(&named(2, "bob"))?;
    ones.insert(&named(3, "bob"))?;
    others.insert(&named(4, "ann"))?;
    one.commit()?;
    assert!(matches!(other.commit(), Err(Error::Conflict)));
    Ok(())
}

#[test]
fn two_rows_swap_their_unique_values() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert_many(&[named(1, "ann"), named(2, "bob"), item(3, 0)])?;
    db.transact(|tx| {
        let items = tx.table::<Item>()?;
        let (ann, bob) = (items.remove(1)?.unwrap(), items.remove(2)?.unwrap());
        items.insert(&Item { name: bob.name.clone(), ..ann.clone() })?;
        items.insert(&Item { name: ann.name, ..bob })
    })?;
    let items = db.table::<Item>()?;
    assert_eq!(items.by().name.get(Some("ann"))?.map(|item| item.id), Some(2));
    assert_eq!(items.by().name.get(Some("bob"))?.map(|item| item.id), Some(1));
    db.verify()?;
    Ok(())
}
