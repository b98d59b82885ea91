use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (at, id))]
struct User {
    at: f32,
    id: u64,
}

fn main() {}
