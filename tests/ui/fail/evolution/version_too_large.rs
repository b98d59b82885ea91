use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(version = 4294967296)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
