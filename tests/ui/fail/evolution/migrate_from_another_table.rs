use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", history)]
struct UserV1 {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "people", version = 2, migrate_from = UserV1)]
struct User {
    #[primary_key]
    id: u64,
}

impl From<UserV1> for User {
    fn from(old: UserV1) -> Self {
        Self { id: old.id }
    }
}

fn main() {}
