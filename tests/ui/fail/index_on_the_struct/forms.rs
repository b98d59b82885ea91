//! An index on the struct is a name and its columns, one in each attribute.

use walnut::Table;

#[derive(Table)]
#[index]
#[index(unique)]
#[index((city, age), unique)]
#[index(city, age)]
#[index(columns(age, city))]
#[index(nocase, a = (name, age))]
#[index(city_age = (city, age), age_city = (age, city))]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    city: String,
    age: u8,
}

fn main() {}
