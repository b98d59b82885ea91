//! `each` indexes the elements of a collection; a single value has none, and a collection needs it.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique, each)]
    age: u8,
    #[index(each)]
    email: String,
    #[index]
    tags: Vec<String>,
}

fn main() {}
