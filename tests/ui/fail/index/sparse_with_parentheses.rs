use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(sparse(a))]
    email: Option<String>,
}

fn main() {}
