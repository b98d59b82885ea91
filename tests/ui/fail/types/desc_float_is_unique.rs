use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, desc(age)), unique)]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: f64,
}

fn main() {}
