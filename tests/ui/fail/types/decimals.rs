//! A decimal is a key with a scale only, and only a decimal has one.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct Primary {
    #[primary_key]
    id: rust_decimal::Decimal,
    #[index]
    age: u8,
}

#[derive(Table, Serialize, Deserialize)]
struct Indexed {
    #[primary_key]
    id: u64,
    #[index]
    price: rust_decimal::Decimal,
}

#[derive(Table, Serialize, Deserialize)]
struct Float {
    #[primary_key]
    id: u64,
    #[index(scale = 2)]
    price: f64,
}

#[derive(Table, Serialize, Deserialize)]
struct Number {
    #[primary_key]
    id: u64,
    #[index(scale = 2)]
    price: u64,
}

fn main() {}
