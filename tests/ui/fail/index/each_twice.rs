use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(each, each)]
    email: Option<String>,
}

fn main() {}
