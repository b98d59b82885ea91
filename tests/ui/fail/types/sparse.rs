//! `sparse` leaves out rows in which a part is missing, so one part can be.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, age), sparse)]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    #[index(sparse)]
    age: u8,
}

fn main() {}
