//! `each` is for collections: a type of one's own is none.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(each)]
    place: Place,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Place(u8, u8);

fn main() {}
