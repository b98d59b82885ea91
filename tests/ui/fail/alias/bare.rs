use walnut::Table;

#[derive(Table)]
#[walnut]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
