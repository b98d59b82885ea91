use walnut::Table;

#[derive(Table)]
#[table(name)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
