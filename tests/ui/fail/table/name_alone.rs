use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(users)]
struct User {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table("orders")]
struct Order {
    #[primary_key]
    id: u64,
}

fn main() {}
