//! A table has one type in and out of a transaction, so that functions and structs over it need no parameter.

use serde::{Deserialize, Serialize};
use walnut::kv::Keyspace;
use walnut::{Database, DefaultTable, ReadOnly, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
}

fn birthday(users: &DefaultTable<User>, email: &str) -> Result<Option<u8>> {
    Ok(users.by().email.modify(email, |user| user.age += 1)?.map(|user| user.age))
}

fn tally(visits: &Keyspace, page: &str) -> Result<i64> {
    visits.add(page, 1)?;
    visits.get_sum(page)
}

/// What is only read may be had of a snapshot.
fn adults<M: walnut::Access>(users: &DefaultTable<User, M>) -> Result<u64> {
    users.by().age.range(18..).count()
}

#[derive(Clone)]
struct Repository {
    users: DefaultTable<User>,
    visits: Keyspace,
}

impl Repository {
    fn visit(&self, email: &str) -> Result<i64> {
        birthday(&self.users, email)?;
        tally(&self.visits, email)
    }
}

struct Report {
    users: DefaultTable<User, ReadOnly>,
}

fn is_a_handle<T: Clone + Send + Sync + 'static>(_: &T) {}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let outside = Repository { users: db.table()?, visits: db.keyspace("visits")? };
    outside.users.insert(&User { id: 1, email: "ann@x.org".into(), age: 17 })?;
    assert_eq!(birthday(&outside.users, "ann@x.org")?, Some(18));
    let visits = db.transact(|tx| {
        let inside = Repository { users: tx.table()?, visits: tx.keyspace("visits")? };
        is_a_handle(&inside);
        assert_eq!(adults(&inside.users)?, 1);
        let either = if inside.users.is_empty()? { &outside } else { &inside };
        either.visit("ann@x.org")?;
        either.clone().visit("ann@x.org")
    })?;
    assert_eq!((visits, outside.visits.get_sum("ann@x.org")?), (2, 2));
    let report = Report { users: db.snapshot().table()? };
    is_a_handle(&report.users);
    assert_eq!((adults(&report.users)?, report.users.get(1)?.map(|user| user.age)), (1, Some(20)));
    Ok(())
}
