use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: String = User::domain)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn domain(&self, _: u8) -> String {
        self.email.clone()
    }
}

fn main() {}
