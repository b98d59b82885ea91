use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique, each)]
    age: u8,
}

fn main() {}
