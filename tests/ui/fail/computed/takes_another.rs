use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: String = domain)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

fn domain(_: &str) -> String {
    String::new()
}

fn main() {}
