use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(was = "mail", was = "post")]
    email: String,
}

fn main() {}
