//! The struct of the layout before exists; a name that does not hides other errors.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 2, migrate_from = UserV1)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
