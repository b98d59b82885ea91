//! `nocase` is for text.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a = (name, nocase(count)))]
struct User {
    #[primary_key]
    id: u64,
    #[index(nocase)]
    age: u8,
    #[index(nocase)]
    name: Vec<u8>,
    count: u8,
}

fn main() {}
