//! A table's name is a text of 1 to 64 bytes, written once, as `name = ".."`.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[table(users)]
struct NameAlone {
    #[primary_key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
#[table("orders")]
struct TextAlone {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name)]
struct WithoutValue {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name = users)]
struct WithoutQuotes {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name = "users", name = "people")]
struct Twice {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name = "")]
struct Empty {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name = "us\ners")]
struct ControlCharacter {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
struct Long {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
struct AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {
    #[primary_key]
    id: u64,
}

fn main() {}
