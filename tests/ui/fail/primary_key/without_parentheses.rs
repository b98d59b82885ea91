use walnut::Table;

#[derive(Table)]
#[table(primary_key = id)]
struct User {
    id: u64,
}

fn main() {}
