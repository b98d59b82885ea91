//! `migrate_from` names a struct, beside a version that is higher than that of the struct.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(version = 2, migrate_from = "UserV1")]
struct Text {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(version = 2, migrate_from)]
struct NoValue {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", history)]
struct UserV1 {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 1, migrate_from = UserV1)]
struct FirstVersion {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", migrate_from = UserV1)]
struct WithoutAVersion {
    #[primary_key]
    id: u64,
}

fn main() {}
