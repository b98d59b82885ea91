use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(desc)]
    created: i64,
}

fn main() {}
