use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key = "id"]
    id: u64,
}

fn main() {}
