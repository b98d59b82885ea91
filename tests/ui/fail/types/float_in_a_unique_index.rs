use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    height: f64,
}

fn main() {}
