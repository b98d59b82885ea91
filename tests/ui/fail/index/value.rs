use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index = "name"]
    name: String,
}

fn main() {}
