//! A table is a struct with named fields.

use walnut::Table;

#[derive(Table)]
struct Unit;

#[derive(Table)]
struct Tuple(u64);

#[derive(Table)]
enum Choice {
    Guest,
}

#[derive(Table)]
union Bits {
    id: u64,
}

fn main() {}
