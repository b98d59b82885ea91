//! The bounds of a range are keys of the index; columns of mixed directions have ranges behind a `prefix` only, and
//! nothing is left for one behind `all`.

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
    let _ = users.by().age.range("a".."b");
    let _ = users.by().city_age.range("Paris"..);
    let _ = users.by().recent.range((1, 5)..(1, 9));
    let _ = users.by().recent.prefix(1).range("a"..);
    let _ = users.by().city_age.all(("Paris", 30)).range(3..);
}

fn main() {}
