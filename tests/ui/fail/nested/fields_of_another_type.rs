//! The type of a nested field is told by `#[derive(Nested)]` or by the index.

use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Nested, Table};

#[derive(Nested, Serialize, Deserialize)]
struct Address {
    city: String,
    lines: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Quiet {
    size: u16,
}

#[derive(Table, Serialize, Deserialize)]
#[index(silent = quiet.size)]
#[index(tuple = (id, at.2))]
#[index(inner = address.citty)]
#[index(typed: String = address.citty)]
struct User {
    #[primary_key]
    id: u64,
    address: Address,
    at: (i32, i32),
    quiet: Quiet,
}

fn use_it(users: &DefaultTable<User>) -> walnut::Result<()> {
    let _ = users.by().silent.iter().rev().first()?;
    let _ = users.by().tuple.iter().rev().first()?;
    let _ = users.by().inner.iter().rev().first()?;
    let _ = users.by().typed.iter().rev().first()?;
    let _ = users.by().inner.iter().count()?;
    Ok(())
}

#[derive(Table, Serialize, Deserialize)]
#[index(found: u8 = address.city)]
struct Order {
    #[primary_key]
    id: u64,
    address: Address,
}

fn main() {}
