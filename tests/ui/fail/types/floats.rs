//! Floating-point numbers are not told apart exactly, so they are in no primary key and no unique index.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct Primary {
    #[primary_key]
    id: f64,
}

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (at, id))]
struct PartOfThePrimary {
    at: f32,
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[index(size = (length, width), unique)]
#[index(a = (name, desc(age)), unique)]
struct Unique {
    #[primary_key]
    id: u64,
    #[index(unique)]
    height: f64,
    length: Option<f32>,
    width: u8,
    name: String,
    age: f64,
}

fn main() {}
