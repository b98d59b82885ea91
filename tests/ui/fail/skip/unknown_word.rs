use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[table(skpi)]
    cache: u8,
}

fn main() {}
