use walnut::Table;

#[derive(Table)]
#[table(primary_key = ())]
struct User {
    id: u64,
}

fn main() {}
