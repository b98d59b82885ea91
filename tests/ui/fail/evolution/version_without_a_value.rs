use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(version)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
