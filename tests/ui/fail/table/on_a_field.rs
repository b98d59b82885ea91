use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[table(name = "x")]
    age: u8,
}

fn main() {}
