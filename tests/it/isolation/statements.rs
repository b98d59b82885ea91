//! Statements within a transaction: each all or nothing, each on what the ones before it did.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize, Serializer};
use walnut::{Database, Durability, Error, Result, Table};

use super::{Item, item, named, set, two_rows, value, values};

/// A row that cannot always be written.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Moody {
    #[primary_key]
    id: u64,
    #[index(unique)]
    nick: String,
    #[index(unique)]
    login: String,
    #[serde(serialize_with = "panics_at_13")]
    mood: u8,
    body: Vec<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn panics_at_13<S: Serializer>(mood: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    assert_ne!(*mood, 13, "a row in a bad mood");
    serializer.serialize_u8(*mood)
}

fn moody(id: u64, nick: &str, login: &str) -> Moody {
    Moody { id, nick: nick.to_owned(), login: login.to_owned(), mood: 0, body: Vec::new() }
}

#[test]
fn a_statement_that_fails_leaves_its_transaction_as_it_was_and_usable() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Moody>()?.insert(&moody(1, "a", "x"))?;
    let tx = db.begin();
    let rows = tx.table::<Moody>()?;
    rows.insert(&moody(2, "b", "y"))?;
    let before = rows.iter().collect_vec()?;

    // The second unique value is taken when the first one is written already; the third row when two are.
    assert!(matches!(rows.insert(&moody(3, "c", "x")), Err(Error::UniqueViolation(_))));
    let many = [moody(3, "c", "z"), moody(4, "d", "w"), moody(5, "b", "v")];
    assert!(matches!(rows.insert_many(&many), Err(Error::UniqueViolation(_))));
    assert!(matches!(rows.upsert_many(&many), Err(Error::UniqueViolation(_))));
    let large = Moody { body: vec![0; 17 << 20], ..moody(6, "e", "u") };
    assert!(matches!(rows.insert_many([&many[0], &large]), Err(Error::Limit(_))));
    assert!(matches!(rows.replace(&moody(9, "f", "t")), Err(Error::NotFound)));
    assert!(matches!(rows.modify(2, |row| row.id = 3), Err(Error::Unsupported(_))));

    let panicking = Moody { mood: 13, ..moody(6, "e", "u") };
    let panic = catch_unwind(AssertUnwindSafe(|| rows.insert_many([&many[0], &panicking])));
    assert!(panic.is_err());
    let panic = catch_unwind(AssertUnwindSafe(|| rows.modify(2, |_| panic!("in a closure"))));
    assert!(panic.is_err());

    assert_eq!(rows.iter().collect_vec()?, before);
    assert_eq!((rows.by().nick.iter().count()?, rows.by().login.iter().count()?), (2, 2));
    rows.insert_many(&[moody(3, "c", "z"), moody(6, "e", "u")])?;
    tx.commit()?;
    assert_eq!(db.table::<Moody>()?.len()?, 4);
    db.verify()?;
    Ok(())
}

#[test]
fn unique_values_move_freely_within_a_transaction() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert_many(&[named(1, "ann"), named(2, "bob"), named(3, "cid")])?;
    db.transact(|tx| {
        let items = tx.table::<Item>()?;
        // Removed and inserted again, by another row.
        items.remove(3)?;
        items.insert(&named(4, "cid"))?;
        // Inserted and removed.
        items.insert(&named(5, "dan"))?;
        items.by().name.remove(Some("dan"))?;
        // Upserted twice.
        items.upsert(&named(6, "eve"))?;
        assert_eq!(items.upsert(&named(6, "fay"))?, Some(named(6, "eve")));
        assert_eq!(items.by().name.get(Some("eve"))?, None);
        // Swapped through a third value, and by removing.
        items.modify(1, |item| item.name = Some("nobody".to_owned()))?;
        items.modify(2, |item| item.name = Some("ann".to_owned()))?;
        items.modify(1, |item| item.name = Some("bob".to_owned()))?;
        let removed = items.remove(4)?.unwrap();
        items.modify(6, |item| item.name = removed.name.clone())?;
        items.insert(&named(4, "fay"))
    })?;
    let names: Result<Vec<_>> = db.table::<Item>()?.by().name.iter().entries().collect();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(names?, [(name("ann"), 2), (name("bob"), 1), (name("cid"), 6), (name("fay"), 4)]);
    db.verify()?;
    Ok(())
}

#[test]
fn a_violation_names_the_owner_also_when_it_is_a_row_of_the_same_transaction() -> Result<()> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert(&named(1, "ann"))?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.remove(1)?;
    items.insert(&named(2, "ann"))?;
    let Err(Error::UniqueViolation(violation)) = items.insert(&named(3, "ann")) else { panic!("two owners") };
    assert_eq!(violation.owner::<Item>(), Some(2));
    assert!(violation.is(Item::ix().name));
    assert!(!violation.to_string().contains("ann"));
    let Err(Error::UniqueViolation(violation)) = items.insert(&item(2, 0)) else {
        panic!("two rows, one key")
    };
    assert_eq!((violation.index(), violation.owner::<Item>()), ("primary_key", Some(2)));
    Ok(())
}

#[test]
fn a_closure_within_a_statement_may_read_the_transaction_but_not_write_it() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    let before = tx.savepoint();
    set(&items, 2, 25)?;
    items.modify(1, |row| {
        row.value += value(&items, 2).unwrap().unwrap();
        assert!(matches!(items.remove(1), Err(Error::Unsupported(_))));
        assert!(matches!(items.insert(&item(3, 0)), Err(Error::Unsupported(_))));
        assert!(matches!(tx.rollback_to(before), Err(Error::Unsupported(_))));
    })?;
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 35), (2, 25)]);
    db.verify()?;
    Ok(())
}

/// Not on an engine elsewhere: a scan chooses its state with its first step.
#[cfg(not(feature = "remote"))]
#[test]
fn a_scan_sees_what_was_there_when_it_was_made() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.insert(&item(3, 30))?;
    let scans = [items.iter(), items.iter().rev()];
    let by_shelf = items.by().shelf.all(0).read_only();
    for row in &items {
        let row = row?;
        items.remove(row.id)?;
        items.insert(&item(row.id + 10, row.value))?;
    }
    let [forward, backward] =
        scans.map(|scan| scan.map(|item| item.map(|item| item.id)).collect::<Result<Vec<_>>>());
    assert_eq!((forward?, backward?), (vec![1, 2, 3], vec![3, 2, 1]));
    assert_eq!(items.iter().keys().collect::<Result<Vec<_>>>()?, [11, 12, 13]);
    tx.commit()?;
    // It may outlive its transaction.
    assert_eq!(by_shelf.collect_vec()?.iter().map(|item| item.value).collect::<Vec<_>>(), [10, 20, 30]);
    assert_eq!(values(&db)?, [(11, 10), (12, 20), (13, 30)]);
    Ok(())
}

#[test]
fn several_tables_change_together_or_not_at_all() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let (items, rows) = (tx.table::<Item>()?, tx.table::<Moody>()?);
    items.insert(&item(3, 30))?;
    rows.insert(&moody(1, "a", "x"))?;
    set(&items, 3, value(&items, 3)?.unwrap() + 1)?;
    drop(tx);
    assert_eq!((db.table::<Item>()?.len()?, db.table::<Moody>()?.len()?), (2, 0));

    db.transact(|tx| {
        tx.table::<Item>()?.insert(&item(3, 30))?;
        tx.table::<Moody>()?.insert(&moody(1, "a", "x"))
    })?;
    assert_eq!((db.table::<Item>()?.len()?, db.table::<Moody>()?.len()?), (3, 1));
    Ok(())
}

/// Not on an engine elsewhere: its database is never closed.
#[cfg(not(feature = "remote"))]
#[test]
fn a_transaction_of_a_closed_database_says_so() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.insert(&item(3, 30))?;
    db.close()?;
    assert!(matches!(items.get(1), Err(Error::Closed)));
    assert!(matches!(items.iter().next(), Some(Err(Error::Closed))));
    assert!(matches!(tx.commit_with(Durability::Fast), Err(Error::Closed)));
    assert!(matches!(db.transact(|_| Ok(())), Err(Error::Closed)));
    Ok(())
}
