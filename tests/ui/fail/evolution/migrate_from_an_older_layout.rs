//! The struct of the layout before is of the same table, with a lower version.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 3, history)]
struct UserV3 {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 2, migrate_from = UserV3)]
struct User {
    #[primary_key]
    id: u64,
}

impl From<UserV3> for User {
    fn from(old: UserV3) -> Self {
        Self { id: old.id }
    }
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "people", version = 4, migrate_from = UserV3)]
struct People {
    #[primary_key]
    id: u64,
}

impl From<UserV3> for People {
    fn from(old: UserV3) -> Self {
        Self { id: old.id }
    }
}

fn main() {}
