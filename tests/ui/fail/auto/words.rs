//! `auto` is the one word of `#[primary_key(..)]`, on a field that is the whole key.

use walnut::Table;

#[derive(Table)]
struct Typo {
    #[primary_key(atuo)]
    id: u64,
}

#[derive(Table)]
struct FarWord {
    #[primary_key(increment)]
    id: u64,
}

#[derive(Table)]
struct Twice {
    #[primary_key(auto, auto)]
    id: u64,
}

#[derive(Table)]
struct Value {
    #[primary_key(auto = 1)]
    id: u64,
}

#[derive(Table)]
#[table(auto)]
struct OnTheStruct {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (tenant, id))]
struct PartOfAKey {
    #[primary_key(auto)]
    id: u64,
    tenant: u32,
}

fn main() {}
