use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key(auto, auto)]
    id: u64,
    email: String,
}

fn main() {}
