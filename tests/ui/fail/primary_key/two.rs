use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    tenant: u32,
    #[primary_key]
    id: u64,
}

fn main() {}
