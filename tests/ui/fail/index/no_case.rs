use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(no_case)]
    name: String,
}

fn main() {}
