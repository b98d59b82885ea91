use walnut::Table;

#[derive(Table)]
#[table(nam = "users")]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
