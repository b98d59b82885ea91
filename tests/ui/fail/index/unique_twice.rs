use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique, unique)]
    name: String,
}

fn main() {}
