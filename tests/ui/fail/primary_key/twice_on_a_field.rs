use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    #[primary_key]
    id: u64,
}

fn main() {}
