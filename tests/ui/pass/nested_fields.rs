//! Indexes over fields within fields, in every form.

use serde::{Deserialize, Serialize};
use walnut::{Database, Key, Nested, Result, Table};

#[derive(Nested, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: u32,
    r#type: Option<u8>,
    labels: Vec<String>,
    inner: Inner,
}

#[derive(Nested, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Inner(u8, (i64, bool));

/// It tells nothing of its fields: their types are given.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Quiet {
    code: String,
    size: u16,
}

#[derive(Nested, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Generic<T> {
    value: T,
}

#[derive(Nested, Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
struct UserId(u64);

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(city = address.city)]
#[index(city_folded = address.city, nocase)]
#[index(kind = address.r#type, sparse)]
#[index(labels = address.labels, each)]
#[index(deep = address.inner.1.0, unique)]
#[index(flag = (address.inner.1.1, id))]
#[index(place = (address.zip, nocase(address.city), desc(pos.0)))]
#[index(zip_city = (address.zip, address.city), unique)]
#[index(by_label = (each(address.labels), desc(address.zip)))]
#[index(code: String = quiet.code, unique, nocase)]
#[index(size: u16 = quiet.size)]
#[index(value = generic.value)]
#[index(number = owner.0)]
struct User {
    #[primary_key]
    id: u64,
    address: Address,
    pos: (i32, i32),
    quiet: Quiet,
    generic: Generic<[u8; 2]>,
    owner: UserId,
}

fn user(id: u64, city: &str, zip: u32) -> User {
    User {
        id,
        address: Address {
            city: city.to_owned(),
            zip,
            r#type: (id == 1).then_some(7),
            labels: vec![format!("l{id}"), "all".to_owned()],
            inner: Inner(1, (-5 - id as i64, true)),
        },
        pos: (id as i32, -1),
        quiet: Quiet { code: format!("Code{id}"), size: 3 },
        generic: Generic { value: [1, 2] },
        owner: UserId(id),
    }
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let users = db.table::<User>()?;
    users.insert_many([user(1, "Paris", 10), user(2, "Rome", 10), user(3, "paris", 20)])?;
    let by = users.by();
    assert_eq!(by.city.all("Paris").count()?, 1);
    assert_eq!(by.city_folded.all("PARIS").count()? + by.city_folded.starts_with("pa").count()?, 4);
    assert_eq!(by.kind.iter().count()? + by.kind.all(Some(7)).count()?, 2);
    assert_eq!(by.labels.all("all").count()?, 3);
    assert_eq!(by.deep.get(-7)?.map(|user| user.id), Some(2));
    assert_eq!(by.flag.prefix(true).range(2..).count()?, 2);
    assert_eq!(by.place.prefix(10).prefix("ROME").range(..5).count()?, 1);
    assert_eq!(by.zip_city.get((20, "paris"))?.map(|user| user.id), Some(3));
    assert_eq!(by.by_label.prefix("all").range(..20).count()?, 2);
    assert_eq!(by.code.get("CODE3")?.map(|user| user.id), Some(3));
    assert_eq!(by.size.all(3).count()? + by.value.all([1, 2]).count()? + by.number.all(2).count()?, 7);
    users.modify(2, |user| user.address.city = "Oslo".into())?;
    assert_eq!(by.city.all("Rome").count()? + by.zip_city.all((10, "Rome")).count()?, 0);
    let taken = users.modify(2, |user| user.address.city = "Paris".into());
    assert!(matches!(taken, Err(walnut::Error::UniqueViolation(violation)) if violation.is(User::ix().zip_city)));
    db.verify()?;
    Ok(())
}
