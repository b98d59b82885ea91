use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(sparse = true)]
    email: Option<String>,
}

fn main() {}
