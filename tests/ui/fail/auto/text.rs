use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key(auto)]
    id: String,
    email: String,
}

fn main() {}
