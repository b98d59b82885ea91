use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(nocase = true)]
    email: Option<String>,
}

fn main() {}
