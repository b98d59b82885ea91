//! A computed index is a name, a type and the path of a function, one in each attribute.

use walnut::Table;

#[derive(Table)]
#[index(domain: String)]
#[index(no_type: = User::domain)]
#[index(no_path: String = )]
#[index(call: String = User::domain(self))]
#[index(closure: String = |user| user.email)]
#[index(text: String = "User::domain")]
#[index(: String = User::domain)]
#[index(first: String = User::domain, second: String = User::domain)]
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
