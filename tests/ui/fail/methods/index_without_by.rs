use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
}

fn use_it(users: &DefaultTable<User>) {
    let _ = users.email.get("ann@x.org");
}

fn main() {}
