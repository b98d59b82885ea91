use walnut::Table;

#[derive(Table)]
#[table(version = 2)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
