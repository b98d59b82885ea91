use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(was = "primary_key")]
    email: String,
}

fn main() {}
