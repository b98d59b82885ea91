use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    name: &'static str,
    tags: &'static [u8],
    age: &'static u8,
}

fn main() {}
