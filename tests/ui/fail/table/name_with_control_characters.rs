use walnut::Table;

#[derive(Table)]
#[table(name = "us\ners")]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
