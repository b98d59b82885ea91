use walnut::Table;

#[derive(Table)]
enum User {
    Guest,
}

fn main() {}
