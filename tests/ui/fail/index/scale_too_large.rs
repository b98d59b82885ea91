use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(scale = 29)]
    price: u64,
}

fn main() {}
