//! The words behind the function are those of an index on a field.

use walnut::Table;

#[derive(Table)]
#[index(a: String = User::domain, uniqe)]
#[index(b: String = User::domain, desc)]
#[index(c: String = User::domain, nocase, scale = 2)]
#[index(domain: String = User::domain, was = "domain")]
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
