use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(sparse, sparse)]
    email: Option<String>,
}

fn main() {}
