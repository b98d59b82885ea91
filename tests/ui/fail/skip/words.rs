//! `#[table(..)]` on a field knows `skip`, once and without a value.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[table]
    a: u8,
    #[table(skpi)]
    b: u8,
    #[table(skip = true)]
    c: u8,
    #[table(skip, skip)]
    d: u8,
    #[table(name = "a")]
    e: u8,
}

fn main() {}
