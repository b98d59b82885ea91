use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique = true)]
    name: String,
}

fn main() {}
