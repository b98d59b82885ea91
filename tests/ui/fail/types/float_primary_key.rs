use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: f64,
}

fn main() {}
