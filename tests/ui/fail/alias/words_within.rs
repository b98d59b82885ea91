//! What is within `#[walnut(..)]` is checked as it is in an attribute of its own.

use walnut::Table;

#[derive(Table)]
#[walnut(table(nam = "users"), index(city_age = (city)))]
struct User {
    #[walnut(primary_key(always))]
    id: u64,
    #[walnut(index(uniqe))]
    city: String,
    #[walnut(table(skipp))]
    cache: u8,
}

#[derive(Table)]
struct Order {
    #[walnut(primary_key(aut))]
    id: u64,
    #[walnut(index(unqiue))]
    email: String,
}

fn main() {}
