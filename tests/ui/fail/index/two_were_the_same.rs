use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(was = "mail")]
    email: String,
    #[index(was = "mail")]
    age: u8,
}

fn main() {}
