use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key(auto = 1)]
    id: u64,
    email: String,
}

fn main() {}
