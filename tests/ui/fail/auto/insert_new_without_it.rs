use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

fn insert(users: &DefaultTable<User>, user: &User) {
    let _ = users.insert_new(user);
}

fn main() {}
