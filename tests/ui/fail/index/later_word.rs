use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(nocase)]
    name: String,
}

fn main() {}
