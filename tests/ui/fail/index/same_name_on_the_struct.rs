use walnut::Table;

#[derive(Table)]
#[index(city_age = (city, age))]
#[index(city_age = (age, city), unique)]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

fn main() {}
