use walnut::Table;

#[derive(Table)]
#[table(auto)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

fn main() {}
