//! What transactions and snapshots promise each other: each anomaly of the literature by its name, and that none of them
//! happens.

mod anomalies;
mod contention;
mod ended;
mod histories;
mod itself;
mod messages;
mod overlay;
mod own_errors;
mod predicates;
mod repeating;
mod reservations;
mod savepoints;
mod snapshots;
mod statements;

use std::thread;

use serde::{Deserialize, Serialize};
use walnut::{Database, DefaultTable, Result, Table, WriteAccess};

/// A row with a primary key, an index whose values repeat, and a unique one.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "items")]
struct Item {
    #[primary_key]
    id: u64,
    #[index]
    shelf: u32,
    #[index(unique)]
    name: Option<String>,
    value: i64,
}

fn item(id: u64, value: i64) -> Item {
    Item { id, shelf: 0, name: None, value }
}

fn named(id: u64, name: &str) -> Item {
    Item { id, shelf: 0, name: Some(name.to_owned()), value: 0 }
}

fn on_shelf(id: u64, shelf: u32) -> Item {
    Item { id, shelf, name: None, value: 0 }
}

/// A database with rows 1 and 2, of the values 10 and 20.
fn two_rows() -> Result<Database> {
    let db = Database::in_memory()?;
    db.table::<Item>()?.insert_many(&[item(1, 10), item(2, 20)])?;
    Ok(db)
}

fn set<A: WriteAccess>(items: &DefaultTable<Item, A>, id: u64, value: i64) -> Result<()> {
    items.modify(id, |item| item.value = value).map(drop)
}

fn value<A: walnut::Access>(items: &DefaultTable<Item, A>, id: u64) -> Result<Option<i64>> {
    Ok(items.get(id)?.map(|item| item.value))
}

/// Does something on another thread, which no transaction of this one has anything to do with.
fn elsewhere<R: Send>(act: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(act).join().unwrap())
}

/// All rows as (id, value).
fn values(db: &Database) -> Result<Vec<(u64, i64)>> {
    db.table::<Item>()?.iter().map(|item| item.map(|item| (item.id, item.value))).collect()
}
