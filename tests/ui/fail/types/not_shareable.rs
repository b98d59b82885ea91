//! A row can be shared between threads.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[serde(skip)]
    seen: Cell<bool>,
}

fn main() {}
