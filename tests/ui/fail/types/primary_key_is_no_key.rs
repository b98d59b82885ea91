use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct NoKey;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: NoKey,
}

fn main() {}
