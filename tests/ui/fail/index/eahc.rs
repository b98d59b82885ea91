use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(eahc)]
    tags: Vec<String>,
}

fn main() {}
