use walnut::Table;

#[derive(Table)]
struct User {
    #[walnut(primary_key(aut))]
    id: u64,
    email: String,
}

fn main() {}
