//! What the derives write, at work in a database: the shapes of structs and keys that other tests have no use for.

use serde::{Deserialize, Serialize};
use walnut::{Database, Error, Key, Result, Table};

#[derive(Key, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Email(String);

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
enum Kind {
    Guest = 5,
    Banned = -3,
    Admin = 1,
}

#[derive(Key, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Place {
    country: String,
    zone: Option<u16>,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "accounts", primary_key = (tenant, email))]
#[index(kind_size = (r#type, size), unique)]
struct Account {
    email: Email,
    tenant: u32,
    #[index]
    r#type: Kind,
    size: Option<i8>,
    #[index(unique)]
    place: Place,
}

fn account(tenant: u32, email: &str, kind: Kind, size: Option<i8>, zone: Option<u16>) -> Account {
    let place = Place { country: "fr".to_owned(), zone };
    Account { email: Email(email.to_owned()), tenant, r#type: kind, size, place }
}

#[test]
fn a_key_of_several_columns_is_ordered_by_the_first_of_them() -> Result<()> {
    let accounts = Database::in_memory()?.table::<Account>()?;
    for (tenant, email) in [(2, "a"), (1, "c"), (1, "b")] {
        accounts.insert(&account(tenant, email, Kind::Guest, None, None))?;
    }
    let order: Result<Vec<_>> = accounts.iter().map(|row| row.map(|row| (row.tenant, row.email.0))).collect();
    assert_eq!(order?, [(1, "b".to_owned()), (1, "c".to_owned()), (2, "a".to_owned())]);
    let found = accounts.get((1, Email("c".to_owned())))?;
    assert_eq!(found.map(|row| row.tenant), Some(1));
    Ok(())
}

#[test]
fn an_enum_is_found_and_ordered_by_its_discriminant() -> Result<()> {
    let accounts = Database::in_memory()?.table::<Account>()?;
    for (tenant, kind) in [(1, Kind::Guest), (2, Kind::Banned), (3, Kind::Admin)] {
        accounts.insert(&account(tenant, "a", kind, None, None))?;
    }
    let order: Result<Vec<_>> = accounts.by().r#type.iter().map(|row| row.map(|row| row.r#type)).collect();
    assert_eq!(order?, [Kind::Banned, Kind::Admin, Kind::Guest]);
    assert_eq!(accounts.by().r#type.range(Kind::Admin..).count()?, 2);
    Ok(())
}

#[test]
fn a_unique_index_takes_a_key_that_misses_a_part_any_number_of_times() -> Result<()> {
    let accounts = Database::in_memory()?.table::<Account>()?;
    accounts.insert(&account(1, "a", Kind::Guest, None, None))?;
    accounts.insert(&account(2, "a", Kind::Guest, None, None))?;
    accounts.insert(&account(3, "a", Kind::Guest, Some(7), Some(1)))?;

    let same_place = accounts.insert(&account(4, "a", Kind::Guest, Some(8), Some(1)));
    let Err(Error::UniqueViolation(violation)) = same_place else { panic!("{same_place:?}") };
    assert!(violation.is(Account::ix().place) && !violation.is(Account::ix().kind_size));

    let same_size = accounts.insert(&account(4, "a", Kind::Guest, Some(7), Some(2)));
    let Err(Error::UniqueViolation(violation)) = same_size else { panic!("{same_size:?}") };
    assert!(violation.is(Account::ix().kind_size));
    assert_eq!(accounts.len()?, 3);
    Ok(())
}

#[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
#[index(both = (key, size))]
struct Row<K, V> {
    #[primary_key]
    id: u64,
    #[index(unique)]
    key: K,
    size: u8,
    value: V,
}

#[test]
fn one_generic_struct_is_a_table_for_each_of_its_types() -> Result<()> {
    let rows = Database::in_memory()?.table::<Row<Place, String>>()?;
    let row = |id, zone| Row {
        id,
        key: Place { country: "it".to_owned(), zone },
        size: 3,
        value: "anything".to_owned(),
    };
    rows.insert(&row(1, Some(9)))?;
    rows.insert(&row(2, Some(2)))?;
    let sought = Place { country: "it".to_owned(), zone: Some(2) };
    assert_eq!(rows.by().key.get(sought.clone())?, Some(row(2, Some(2))));
    assert_eq!(rows.by().both.prefix(sought).count()?, 1);

    let other = Database::in_memory()?.table::<Row<u8, ()>>()?;
    other.insert(&Row { id: 3, key: 7, size: 0, value: () })?;
    assert_eq!(other.by().key.get(7)?.map(|row| row.id), Some(3));
    Ok(())
}
