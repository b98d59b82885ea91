use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[walnut(table(skipp))]
    email: String,
}

fn main() {}
