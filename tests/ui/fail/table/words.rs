//! The words of `#[table(..)]`.

use walnut::Table;

#[derive(Table)]
#[table]
struct Bare {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table = "users"]
struct Value {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(nam = "users")]
struct Typo {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(ttl = expires)]
struct Unknown {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(crate = "walnut")]
struct CrateWithoutPath {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
struct OnAField {
    #[primary_key]
    id: u64,
    #[table(name = "x")]
    age: u8,
}

fn main() {}
