//! Table and serde leave out the same fields, of every row, in both directions.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[table(skip)]
    table_alone: u8,
    #[serde(skip)]
    serde_alone: u8,
    #[table(skip)]
    #[serde(skip_serializing)]
    half: u8,
    #[serde(skip_deserializing)]
    other_half: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    now_and_then: Option<u8>,
}

fn main() {}
