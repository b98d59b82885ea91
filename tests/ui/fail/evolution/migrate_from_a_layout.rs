//! The struct of the layout before is a table from which this one can be made.

use serde::{Deserialize, Serialize};
use walnut::Table;

struct NoTable {
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 2, migrate_from = NoTable)]
struct FromNoTable {
    #[primary_key]
    id: u64,
}

impl From<NoTable> for FromNoTable {
    fn from(old: NoTable) -> Self {
        Self { id: old.id }
    }
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", history)]
struct UserV1 {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 2, migrate_from = UserV1)]
struct WithoutFrom {
    #[primary_key]
    id: u64,
}

fn main() {}
