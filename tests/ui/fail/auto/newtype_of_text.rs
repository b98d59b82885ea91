use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key(auto)]
    id: Name,
    email: String,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Name(String);

fn main() {}
