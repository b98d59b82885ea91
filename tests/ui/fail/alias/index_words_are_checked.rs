use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[walnut(index(unqiue))]
    email: String,
}

fn main() {}
