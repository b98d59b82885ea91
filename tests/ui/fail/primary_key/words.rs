use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key(auto)]
    id: u64,
}

fn main() {}
