use walnut::Table;

#[derive(Table)]
#[index(city_age = (city, desc(age)), was = "age_city")]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

fn main() {}
