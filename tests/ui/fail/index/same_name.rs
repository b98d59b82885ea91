use walnut::Table;

#[derive(Table)]
#[index(age = (city, age))]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    #[index]
    age: u8,
}

fn main() {}
