use walnut::Table;

#[derive(Table)]
#[index(city_age = (city, age), include(city))]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

fn main() {}
