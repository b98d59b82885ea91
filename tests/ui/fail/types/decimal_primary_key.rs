use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: rust_decimal::Decimal,
    #[index]
    age: u8,
}

fn main() {}
