use walnut::Table;

#[derive(Table)]
#[table(crate = "walnut")]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
