//! The function takes a row, and returns what the index holds.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(a: String = User::domian)]
#[index(b: String = domain)]
#[index(c: String = User::takes_two)]
#[index(d: u64 = User::domain)]
#[index(e: String = User::part)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn domain(&self) -> String {
        self.email.clone()
    }

    fn takes_two(&self, _: u8) -> String {
        self.email.clone()
    }

    fn part(&self) -> &str {
        &self.email
    }
}

fn domain(_: &str) -> String {
    String::new()
}

fn main() {}
