use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(version = 2, migrate_from)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
