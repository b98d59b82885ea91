use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key(increment)]
    id: u64,
    email: String,
}

fn main() {}
