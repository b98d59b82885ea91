use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[table(name = "a")]
    cache: u8,
}

fn main() {}
