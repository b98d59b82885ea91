use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: Domain = User::domain)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

struct Domain;

impl User {
    fn domain(&self) -> Domain {
        Domain
    }
}

fn main() {}
