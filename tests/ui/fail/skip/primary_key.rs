use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    #[table(skip)]
    #[serde(skip)]
    id: u64,
    cache: u8,
}

fn main() {}
