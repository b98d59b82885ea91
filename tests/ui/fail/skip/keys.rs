//! A field that is not stored is no key.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (age, cache))]
struct User {
    #[primary_key]
    #[table(skip)]
    #[serde(skip)]
    id: u64,
    #[index]
    #[table(skip)]
    #[serde(skip)]
    seen: u8,
    #[table(skip)]
    #[serde(skip)]
    cache: u8,
    age: u8,
}

fn main() {}
