use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(both = (id, email))]
    email: String,
}

fn main() {}
