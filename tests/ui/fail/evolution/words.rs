//! A version is a number from 1 on, and `history` has no value.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(version = 0)]
struct Zero {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(version = 4294967296)]
struct TooLarge {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(version = "2")]
struct Text {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(version)]
struct NoValue {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(version = 2, version = 3)]
struct Twice {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(history = true)]
struct History {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(versoin = 2, migrate_form = UserV1)]
struct Misspelt {
    #[primary_key]
    id: u64,
}

fn main() {}
