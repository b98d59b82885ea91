use walnut::Table;

#[derive(Table)]
#[index(primary_key = (city, age))]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

fn main() {}
