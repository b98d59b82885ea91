use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique, spars)]
    phone: Option<String>,
}

fn main() {}
