use walnut::Table;

#[derive(Table)]
#[table(ttl = expires)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
