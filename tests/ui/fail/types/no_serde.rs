use walnut::Table;

#[derive(Table)]
#[index(city_age = (city, age), unique)]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    city: String,
    age: u8,
}

fn is_table<T: Table>() {}

fn main() {
    is_table::<User>();
}
