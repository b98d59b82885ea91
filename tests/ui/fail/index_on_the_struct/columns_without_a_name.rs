use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(city, age)]
#[index(columns(age, city))]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

fn main() {}
