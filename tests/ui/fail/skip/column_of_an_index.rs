use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (age, cache))]
struct User {
    #[primary_key]
    id: u64,
    #[table(skip)]
    #[serde(skip)]
    cache: u8,
    age: u8,
}

fn main() {}
