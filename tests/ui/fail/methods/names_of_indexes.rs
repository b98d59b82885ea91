//! An index is a field of `by()`.

use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Table};

#[derive(Table, Serialize, Deserialize)]
#[index(city_age = (city, age))]
#[index(recent = (age, desc(created)))]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index(nocase)]
    city: String,
    #[index(each)]
    tags: Vec<String>,
    created: i64,
}

fn use_it(users: &DefaultTable<User>) {
    let _ = users.by().emial;
    let _ = users.email.get("ann@x.org");
}

fn main() {}
