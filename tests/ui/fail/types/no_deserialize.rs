use walnut::Table;
use serde::Serialize;

#[derive(Table, Serialize)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
