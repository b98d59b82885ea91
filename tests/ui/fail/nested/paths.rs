//! A path begins with a field of the struct and goes on behind a dot.

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
#[index(no_path = address)]
#[index(typo = adress.city)]
#[index(ends_with_a_dot = address.)]
#[index(twice = (address.city, id, address.city))]
struct User {
    #[primary_key]
    id: u64,
    address: Address,
    at: (i32, i32),
    quiet: Quiet,
}

fn use_it(users: &DefaultTable<User>) -> walnut::Result<()> {
    let _ = users.by().typo.iter().rev().first()?;
    let _ = users.by().twice.iter().count()?;
    Ok(())
}

fn main() {}
