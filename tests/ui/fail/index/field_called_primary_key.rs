use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    primary_key: u8,
}

fn main() {}
