//! `prefix` fixes the first of several columns; one column has no prefix.

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
    let _ = users.prefix(3);
    let _ = users.by().age.prefix(30);
    let _ = users.by().city_age.prefix("Paris").prefix(3);
}

fn main() {}
