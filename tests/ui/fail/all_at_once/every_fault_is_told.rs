//! All faults of a struct are reported in one run of the compiler.

use walnut::Table;

#[derive(Table)]
#[table(nam = "users", name = users)]
#[index(city_age = (citty, age, age))]
struct User {
    id: u64,
    #[index(uniqe)]
    email: String,
    #[index = "x"]
    city: String,
    age: &'static u8,
}

fn main() {}
