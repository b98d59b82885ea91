use walnut::Table;

#[derive(Table)]
#[table(name = "users", name = "people")]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
