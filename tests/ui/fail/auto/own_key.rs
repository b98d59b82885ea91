use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key(auto)]
    id: Place,
    email: String,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Place(u8, u8);

fn main() {}
