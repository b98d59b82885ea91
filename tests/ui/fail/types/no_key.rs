//! Columns of a primary key and of an index are keys.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Serialize, Deserialize)]
struct NoKey;

#[derive(Table, Serialize, Deserialize)]
struct Primary {
    #[primary_key]
    id: NoKey,
}

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (tenant, id))]
struct PartOfThePrimary {
    tenant: u32,
    id: NoKey,
}

#[derive(Table, Serialize, Deserialize)]
#[index(place_age = (place, age))]
struct Indexed {
    #[primary_key]
    id: u64,
    #[index(unique)]
    place: NoKey,
    age: u8,
}

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, desc(age)))]
struct Descending {
    #[primary_key]
    id: u64,
    name: String,
    age: NoKey,
}

#[derive(Table, Serialize, Deserialize)]
struct Elements {
    #[primary_key]
    id: u64,
    #[index(each)]
    places: Vec<NoKey>,
}

#[derive(Table, Serialize, Deserialize)]
struct SizeOfAMachine {
    #[primary_key]
    id: u64,
    #[index]
    age: usize,
}

fn main() {}
