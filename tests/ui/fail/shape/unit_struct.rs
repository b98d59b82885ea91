use walnut::Table;

#[derive(Table)]
struct User;

fn main() {}
