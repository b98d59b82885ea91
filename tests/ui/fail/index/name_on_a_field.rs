use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(name = "mail")]
    email: String,
}

fn main() {}
