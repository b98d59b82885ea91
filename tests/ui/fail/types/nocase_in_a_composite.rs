use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, nocase(age)))]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: u8,
}

fn main() {}
