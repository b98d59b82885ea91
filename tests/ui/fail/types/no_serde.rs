//! A row derives both of serde's traits; what lacks them is one error, however often the table is used.

use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Table};

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
}

fn use_it(users: &DefaultTable<User>) {
    let _ = users.by().email.get("ann@x.org");
    let _ = users.insert(&User { id: 1, email: String::new() });
}

#[derive(Table, Serialize)]
struct NoDeserialize {
    #[primary_key]
    id: u64,
}

#[derive(Table, Deserialize)]
struct NoSerialize {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
struct GeneratedKey {
    #[primary_key(auto)]
    id: u64,
}

fn main() {}
