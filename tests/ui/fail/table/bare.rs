use walnut::Table;

#[derive(Table)]
#[table]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
