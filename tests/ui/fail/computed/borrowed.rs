use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: String = User::part)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn part(&self) -> &str {
        &self.email
    }
}

fn main() {}
