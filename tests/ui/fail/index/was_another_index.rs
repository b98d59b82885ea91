use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(was = "age")]
    email: String,
    #[index]
    age: u8,
}

fn main() {}
