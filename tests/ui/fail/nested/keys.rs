//! What a nested field holds is checked as a field is.

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
#[index(found = address.lines, each, unique)]
struct User {
    #[primary_key]
    id: u64,
    address: Address,
    at: (i32, i32),
    quiet: Quiet,
}

fn use_it(users: &DefaultTable<User>) -> walnut::Result<()> {
    let _ = users.by().found.iter().rev().first()?;
    let _ = users.by().found.iter().count()?;
    Ok(())
}

fn main() {}
