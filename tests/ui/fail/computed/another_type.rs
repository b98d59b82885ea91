use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: u64 = User::domain)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn domain(&self) -> String {
        self.email.clone()
    }
}

fn main() {}
