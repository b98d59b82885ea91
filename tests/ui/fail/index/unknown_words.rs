//! A word that `#[index(..)]` on a field does not know; one that is near to a known word is a typo of it.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(uniqe)]
    email: String,
    #[index(no_case)]
    name: String,
    #[index(eahc)]
    tags: Vec<String>,
    #[index(unique, spars)]
    phone: Option<String>,
    #[index(case_insensitive)]
    city: String,
    #[index(include)]
    street: String,
    #[index(both = (id, email))]
    age: u8,
    #[index(name = "mail")]
    mail: String,
}

fn main() {}
