use walnut::Table;
use serde::Deserialize;

#[derive(Table, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
