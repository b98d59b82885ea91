use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(each)]
    places: Vec<NoKey>,
}

#[derive(Serialize, Deserialize)]
struct NoKey;

fn main() {}
