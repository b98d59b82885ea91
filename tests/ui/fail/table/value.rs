use walnut::Table;

#[derive(Table)]
#[table = "users"]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
