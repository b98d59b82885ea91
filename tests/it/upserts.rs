//! `upsert_many` is judged by the state that it leaves: unique values may move between its rows in any way.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use walnut::{Database, DefaultTable, Error, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(place = (row, seat), unique)]
struct Guest {
    #[primary_key]
    id: u8,
    #[index(unique)]
    name: String,
    row: u8,
    seat: Option<u8>,
    #[index(each, unique)]
    keys: Vec<u8>,
    #[index]
    group: u8,
}

fn guest(id: u8, name: &str) -> Guest {
    Guest { id, name: name.to_owned(), row: 1, seat: Some(id), keys: vec![id], group: 0 }
}

fn guests() -> Result<(Database, DefaultTable<Guest>)> {
    let db = Database::in_memory()?;
    let guests = db.table::<Guest>()?;
    guests.insert_many([guest(1, "ann"), guest(2, "bob"), guest(3, "cid"), guest(4, "dan")])?;
    Ok((db, guests))
}

fn owner(error: Error) -> Option<u8> {
    match error {
        Error::UniqueViolation(violation) => violation.owner::<Guest>(),
        _ => None,
    }
}

#[test]
fn unique_values_are_swapped_and_passed_on_in_a_ring() -> Result<()> {
    let (db, guests) = guests()?;
    let old = guests.upsert_many([guest(1, "bob"), guest(2, "ann")])?;
    assert_eq!(old.iter().flatten().map(|row| &*row.name).collect::<Vec<_>>(), ["ann", "bob"]);
    assert_eq!(guests.by().name.get("ann")?.map(|row| row.id), Some(2));
    guests.upsert_many([guest(1, "ann"), guest(2, "cid"), guest(3, "dan"), guest(4, "bob")])?;
    assert_eq!(guests.by().name.get("dan")?.map(|row| row.id), Some(3));
    // A value of several columns, and elements of a list.
    let mut rows = guests.iter().collect_vec()?;
    let (seats, keys) = ([rows[0].seat, rows[1].seat], [rows[0].keys.clone(), rows[1].keys.clone()]);
    (rows[0].seat, rows[1].seat) = (seats[1], seats[0]);
    [rows[1].keys, rows[0].keys] = keys;
    guests.upsert_many(&rows)?;
    assert_eq!(guests.by().place.get((1, Some(1)))?.map(|row| row.id), Some(2));
    assert_eq!(guests.by().keys.get(2)?.map(|row| row.id), Some(1));
    // A newcomer takes what a row of the statement gives up.
    guests.upsert_many([guest(9, "ann"), Guest { keys: vec![2], seat: Some(2), ..guest(1, "new") }])?;
    assert_eq!(guests.by().name.get("ann")?.map(|row| row.id), Some(9));
    db.verify()?;
    Ok(())
}

#[test]
fn a_value_that_would_have_two_owners_is_refused_and_nothing_is_written() -> Result<()> {
    let (db, guests) = guests()?;
    let before = guests.iter().collect_vec()?;
    let twice = guests.upsert_many([guest(1, "cid"), guest(2, "ann")]);
    assert_eq!(twice.map_err(owner).err(), Some(Some(3)), "the third keeps its name");
    let twice = guests.upsert_many([guest(7, "new"), guest(8, "new")]);
    assert_eq!(twice.map_err(owner).err(), Some(Some(7)), "within the statement");
    let twice = guests.insert_many([guest(7, "new"), guest(8, "new")]);
    assert_eq!(twice.map_err(owner).err(), Some(Some(7)));
    let twice = guests.insert_many([guest(7, "new"), guest(7, "newer")]);
    assert_eq!(twice.map_err(owner).err(), Some(Some(7)));
    assert_eq!(guests.iter().collect_vec()?, before);
    db.verify()?;
    Ok(())
}

#[test]
fn of_rows_with_one_primary_key_the_last_counts() -> Result<()> {
    let (db, guests) = guests()?;
    let first = Guest { group: 1, ..guest(1, "bob") };
    let old = guests.upsert_many([&first, &guest(5, "eve"), &guest(1, "ann"), &first, &guest(1, "amy")])?;
    assert_eq!(old, [Some(guest(1, "ann")), None, Some(first.clone()), Some(guest(1, "ann")), Some(first)]);
    assert_eq!(guests.by().name.get("amy")?.map(|row| row.id), Some(1));
    assert!(guests.by().name.get("ann")?.is_none());
    db.verify()?;
    Ok(())
}

#[test]
fn within_a_transaction_each_statement_is_judged_by_itself() -> Result<()> {
    let (db, guests) = guests()?;
    db.transact(|tx| {
        let guests = tx.table::<Guest>()?;
        let taken = guests.by().name.modify("ann", |row| row.name = "bob".into());
        assert_eq!(taken.map_err(owner).err(), Some(Some(2)), "one after the other is no swap");
        let ann = guests.remove(1)?;
        guests.by().name.modify("bob", |row| row.name = "ann".into())?;
        guests.upsert_many([
            guest(2, "bob"),
            Guest { name: "ann".into(), id: 7, keys: vec![], seat: None, ..ann.unwrap() },
        ])?;
        Ok(())
    })?;
    assert_eq!(guests.by().name.get("ann")?.map(|row| row.id), Some(7));
    db.verify()?;
    Ok(())
}

/// The table as a map, and whether no unique value has two owners in it.
fn is_sound(rows: &BTreeMap<u8, Guest>) -> bool {
    let mut names: Vec<&str> = rows.values().map(|row| &*row.name).collect();
    let mut places: Vec<_> = rows.values().filter_map(|row| Some((row.row, row.seat?))).collect();
    let keys = rows.values().flat_map(|row| row.keys.iter().collect::<std::collections::BTreeSet<_>>());
    let mut keys: Vec<u8> = keys.copied().collect();
    let count = (names.len(), places.len(), keys.len());
    names.sort_unstable();
    names.dedup();
    places.sort_unstable();
    places.dedup();
    keys.sort_unstable();
    keys.dedup();
    count == (names.len(), places.len(), keys.len())
}

fn any_guest() -> impl Strategy<Value = Guest> {
    (0..6_u8, 0..5_u8, 0..2_u8, prop::option::of(0..3_u8), prop::collection::vec(0..9_u8, 0..2), 0..2_u8)
        .prop_map(|(id, name, row, seat, keys, group)| Guest {
            id,
            name: format!("name {name}"),
            row,
            seat,
            keys,
            group,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(256)))]

    #[test]
    fn rows_are_taken_if_and_only_if_the_state_that_they_leave_is_sound(
        batches in prop::collection::vec(prop::collection::vec(any_guest(), 0..5), 1..12),
        in_transaction in any::<bool>(),
    ) {
        let db = Database::in_memory().unwrap();
        let guests = db.table::<Guest>().unwrap();
        let mut model: BTreeMap<u8, Guest> = BTreeMap::new();
        for batch in &batches {
            let mut after = model.clone();
            let replaced: Vec<_> = batch.iter().map(|row| after.insert(row.id, row.clone())).collect();
            let done = if in_transaction {
                let tx = db.begin();
                let done = tx.table::<Guest>().unwrap().upsert_many(batch);
                tx.commit().unwrap();
                done
            } else {
                guests.upsert_many(batch)
            };
            if is_sound(&after) {
                prop_assert_eq!(done.unwrap(), replaced);
                model = after;
            } else {
                prop_assert!(matches!(done, Err(Error::UniqueViolation(_))));
            }
            prop_assert_eq!(guests.iter().collect_vec().unwrap(), model.values().cloned().collect::<Vec<_>>());
        }
        db.verify().unwrap();
    }
}
