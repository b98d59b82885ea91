use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    #[index(unique)]
    id: u64,
}

fn main() {}
