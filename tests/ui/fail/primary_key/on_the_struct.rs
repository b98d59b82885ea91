use walnut::Table;

#[derive(Table)]
#[primary_key]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
