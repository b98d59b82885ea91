use walnut::Table;

#[derive(Table)]
#[index((city, age), unique)]
struct User {
    #[primary_key]
    id: u64,
    #[index("unique")]
    city: String,
    age: u8,
}

fn main() {}
