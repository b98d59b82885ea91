use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(versoin = 2, migrate_form = UserV1)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
