//! `was` names an index as it was called before: not as it is, nor as another one is.

use walnut::Table;

#[derive(Table)]
#[index(a = (name, age), was = "mail")]
#[index(b = (name, age), was = "b")]
struct User {
    #[primary_key]
    id: u64,
    #[index(was)]
    name: String,
    #[index(was = mail)]
    mail: String,
    #[index(was = "")]
    city: String,
    #[index(was = "primary_key")]
    street: String,
    #[index(was = "email")]
    email: String,
    #[index(was = "type")]
    r#type: u8,
    #[index(was = "age")]
    years: u8,
    #[index]
    age: u8,
    #[index(was = "post")]
    first: String,
    #[index(was = "post")]
    second: String,
}

fn main() {}
