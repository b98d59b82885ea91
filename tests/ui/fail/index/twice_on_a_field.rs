use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    #[index(unique)]
    email: String,
}

fn main() {}
