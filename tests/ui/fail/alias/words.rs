//! `#[walnut(..)]` holds the other attributes, and knows their names.

use walnut::Table;

#[derive(Table)]
#[walnut]
#[walnut(tabel(name = "users"))]
struct User {
    #[primary_key]
    id: u64,
    #[walnut(indx)]
    age: u8,
}

#[derive(Table)]
#[walnut(crate = walnut, table(crate = walnut))]
struct Twice {
    #[walnut(primary_key, primary_key)]
    id: u64,
    #[walnut(index, index(unique))]
    age: u8,
}

fn main() {}
