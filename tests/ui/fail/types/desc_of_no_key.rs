use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, desc(age)))]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: NoKey,
}

#[derive(Serialize, Deserialize)]
struct NoKey;

fn main() {}
