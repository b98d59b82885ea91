//! A value of an index that is not unique has any number of rows.

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
    let _ = users.by().age.get(30);
    let _ = users.by().age.contains(30);
    let _ = users.by().age.modify(30, |_| ());
    let _ = users.by().age.remove(30);
}

fn main() {}
