use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct NoKey;

#[derive(Table, Serialize, Deserialize)]
#[index(place_age = (place, age))]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    place: NoKey,
    age: u8,
}

fn main() {}
