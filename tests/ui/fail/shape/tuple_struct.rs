use walnut::Table;

#[derive(Table)]
struct User(u64);

fn main() {}
