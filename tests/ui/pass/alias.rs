//! A word in the long form leaves its short form to another derive, whatever that makes of it.

use serde::{Deserialize, Serialize};
use walnut::{Table, TableMapper};

#[derive(Table, Serialize, Deserialize)]
#[walnut(table(name = "users", crate = ::walnut), index(city_age = (city, age), unique))]
#[table(foreign = 1)]
struct User {
    #[walnut(primary_key)]
    #[primary_key(foreign)]
    id: u64,
    #[walnut(index(unique))]
    email: String,
    #[walnut(index)]
    #[index("foreign")]
    city: String,
    #[index(foreign, words)]
    age: u8,
}

// A word that is not taken keeps its short form.
#[derive(Table, Serialize, Deserialize)]
#[walnut(crate = walnut)]
struct Group {
    #[primary_key]
    id: u64,
    #[walnut(index)]
    #[index = "foreign"]
    size: u8,
}

fn main() {
    let names: Vec<_> = User::SCHEMA.indexes.iter().map(|index| (index.name, index.unique)).collect();
    assert_eq!(names, [("city_age", true), ("email", true), ("city", false)]);
    assert_eq!(Group::SCHEMA.indexes.len(), 1);
}
