use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(nocase, nocase)]
    email: Option<String>,
}

fn main() {}
