//! A scan has a type that can be written: in structs, in signatures, and the same one on both sides of an `if`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use walnut::{Database, DefaultTable, ReadOnly, Result, Scan, Table};

#[derive(Table, Serialize, Deserialize, Clone)]
#[index(city_age = (city, age))]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    age: u8,
    #[index(unique)]
    email: String,
    city: String,
}

/// Rows that a client has asked for.
struct Results<'a> {
    by_key: Scan<'a, User>,
    by_age: Scan<'a, User, u8>,
    by_place: Scan<'a, User, (String, u8)>,
}

impl<'a> Results<'a> {
    fn next(&mut self) -> Result<Option<User>> {
        let next = self.by_age.next().or_else(|| self.by_place.next()).or_else(|| self.by_key.next());
        next.transpose()
    }

    /// What is borrowed lives as long as the scan.
    fn without(self, ids: &'a HashSet<u64>) -> Self {
        Self { by_key: self.by_key.filter(|user| !ids.contains(&user.id)), ..self }
    }
}

fn results(users: &DefaultTable<User>, city: &str) -> Results<'static> {
    let by = users.by();
    Results {
        by_key: users.range(2..).limit(2),
        by_age: by.age.range(18..).rev(),
        by_place: by.city_age.prefix(city).range(..30),
    }
}

enum Order {
    Key,
    Age,
    Email,
}

/// One type for each order, direction and filter.
fn search<'a>(users: &DefaultTable<User>, order: Order, reverse: bool, city: Option<&'a str>) -> Scan<'a, User> {
    let mut found = match order {
        Order::Key => users.iter(),
        Order::Age => users.by().age.iter().by_row(),
        Order::Email => users.by().email.starts_with("a").by_row(),
    };
    if reverse {
        found = found.rev();
    }
    if let Some(city) = city {
        found = found.filter(move |user| user.city == city);
    }
    found.limit(10)
}

/// An old signature, without a lifetime.
fn first_id(users: Scan<User>) -> Result<Option<u64>> {
    users.keys().next().transpose()
}

fn of_a_snapshot(users: &DefaultTable<User, ReadOnly>, age: u8) -> Scan<'_, User, u8, (), ReadOnly> {
    let scan = users.by().age.all(age);
    if age > 3 { scan } else { scan.filter(|user| user.id > 1) }
}

fn is_sent<T: Send>(scan: T) -> T {
    scan
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let users = db.table::<User>()?;
    let user = |id: u64, age, city: &str| User { id, age, email: format!("a{id}"), city: city.into() };
    users.insert_many([user(1, 20, "Paris"), user(2, 30, "Paris"), user(3, 20, "Lyon")])?;

    let gone = HashSet::from([2]);
    let mut found = results(&users, "Paris").without(&gone);
    let mut ids = Vec::new();
    while let Some(user) = found.next()? {
        ids.push(user.id);
    }
    assert_eq!(ids, [2, 3, 1, 1, 3]);

    let city = String::from("Paris");
    assert_eq!(search(&users, Order::Age, true, Some(&city)).collect_vec()?.len(), 2);
    assert_eq!(first_id(search(&users, Order::Age, true, None))?, Some(2));
    assert_eq!(first_id(search(&users, Order::Email, false, Some("Lyon")))?, Some(3));
    assert_eq!(search(&users, Order::Key, false, Some(&city)).remove_all()?, 2);

    let snapshot = db.snapshot().table::<User>()?;
    assert_eq!(of_a_snapshot(&snapshot, 20).count()?, 1);
    let (mut asked, limit) = (0, 3_u64);
    let counted = is_sent(users.iter().filter(|user| user.id >= limit).filter(|_| {
        asked += 1;
        true
    }));
    assert_eq!((counted.count()?, asked), (1, 1));

    // What an iterator has is not hidden.
    assert!(users.iter().all(|user| user.is_ok()));
    assert!(users.by().age.iter().any(|user| user.is_ok()));
    assert!(users.by().city_age.prefix("Lyon").range(..).all(|user| user.is_ok()));
    assert_eq!(users.iter().map(|user| user.map(|user| user.id)).collect::<Result<Vec<_>>>()?, [3]);
    Ok(())
}
