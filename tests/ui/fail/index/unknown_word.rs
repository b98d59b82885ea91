use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(uniqe)]
    email: String,
}

fn main() {}
