use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[table]
    cache: u8,
}

fn main() {}
