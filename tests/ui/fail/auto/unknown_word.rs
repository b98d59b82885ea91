use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key(atuo)]
    id: u64,
    email: String,
}

fn main() {}
