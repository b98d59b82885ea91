//! Savepoints: nested, used again, left behind.

use walnut::{Error, Result};

use super::{Item, item, set, two_rows, value, values};

#[test]
fn savepoints_nest() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let outer = tx.savepoint();
    set(&items, 1, 11)?;
    let inner = tx.savepoint();
    set(&items, 1, 12)?;
    items.remove(2)?;
    tx.rollback_to(inner)?;
    assert_eq!((value(&items, 1)?, value(&items, 2)?), (Some(11), Some(20)));
    items.insert(&item(3, 30))?;
    tx.rollback_to(outer)?;
    assert_eq!((value(&items, 1)?, value(&items, 3)?), (Some(10), None));
    items.insert(&item(4, 40))?;
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 10), (2, 20), (4, 40)]);
    db.verify()?;
    Ok(())
}

#[test]
fn a_savepoint_can_be_rolled_back_to_again() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    set(&items, 1, 11)?;
    let savepoint = tx.savepoint();
    for value in 12..20 {
        set(&items, 1, value)?;
        items.insert(&item(3, value))?;
        assert!(items.insert(&item(3, value)).is_err());
        tx.rollback_to(savepoint)?;
        assert!(!items.contains(3)?);
    }
    tx.rollback_to(savepoint)?;
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 11), (2, 20)]);
    Ok(())
}

#[test]
fn a_savepoint_that_was_rolled_back_past_is_gone() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let outer = tx.savepoint();
    set(&items, 1, 11)?;
    let inner = tx.savepoint();
    tx.rollback_to(outer)?;
    items.insert_many(&[item(3, 30), item(4, 40)])?;
    assert!(matches!(tx.rollback_to(inner), Err(Error::Unsupported(_))));

    let other = db.begin();
    let foreign = other.savepoint();
    assert!(matches!(tx.rollback_to(foreign), Err(Error::Unsupported(_))));
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 10), (2, 20), (3, 30), (4, 40)]);
    Ok(())
}

#[test]
fn a_savepoint_within_a_statement_is_the_place_before_it() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let mut within = None;
    items.modify(1, |item| {
        within = Some(tx.savepoint());
        item.shelf = 9;
    })?;
    tx.rollback_to(within.unwrap())?;
    assert_eq!((items.by().shelf.all(9).count()?, items.by().shelf.all(0).count()?), (0, 2));
    tx.commit()
}

#[test]
fn what_was_read_stays_read_when_it_is_rolled_back() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let savepoint = tx.savepoint();
    assert_eq!(value(&items, 1)?, Some(10));
    tx.rollback_to(savepoint)?;
    items.insert(&item(3, 30))?;
    set(&db.table::<Item>()?, 1, 11)?;
    assert!(matches!(tx.commit(), Err(Error::Conflict)));
    Ok(())
}

#[test]
fn a_scan_stays_as_it_was_when_the_transaction_is_rolled_back() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let savepoint = tx.savepoint();
    items.insert(&item(3, 30))?;
    let scan = items.iter();
    tx.rollback_to(savepoint)?;
    assert_eq!((scan.count()?, items.len()?), (3, 2));
    Ok(())
}
