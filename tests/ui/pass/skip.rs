//! A field that serde skips is no part of the row, whatever its type is.

use std::cell::Cell;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use walnut::{Table, TableMapper};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[table(skip)]
    #[serde(skip)]
    cache: Mutex<Cell<u8>>,
    #[primary_key]
    id: u64,
    #[serde(skip_serializing, skip_deserializing)]
    #[table(skip)]
    last: u8,
    #[serde(default, rename = "mail")]
    email: String,
}

fn main() {
    let names: Vec<_> = User::SCHEMA.fields.iter().map(|field| field.name).collect();
    assert_eq!(names, ["id", "email"]);
}
