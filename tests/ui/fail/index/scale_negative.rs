use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(scale = -1)]
    price: u64,
}

fn main() {}
