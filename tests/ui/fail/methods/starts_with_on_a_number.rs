//! `starts_with` is for text and bytes, as the first column that is not fixed.

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
    let _ = users.by().age.starts_with(3);
    let _ = users.by().age.starts_with("3");
    let _ = users.by().city_age.prefix("Paris").starts_with("3");
    let _ = users.by().recent.starts_with("Pa");
}

fn main() {}
