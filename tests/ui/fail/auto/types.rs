//! Integers and UUIDs can be generated, and newtypes of these.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct Text {
    #[primary_key(auto)]
    id: String,
}

#[derive(Table, Serialize, Deserialize)]
struct NewtypeOfText {
    #[primary_key(auto)]
    id: Name,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Name(String);

#[derive(Table, Serialize, Deserialize)]
struct TwoColumns {
    #[primary_key(auto)]
    id: Place,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Place(u8, u8);

fn main() {}
