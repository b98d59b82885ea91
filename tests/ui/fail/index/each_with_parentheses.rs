use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(each(a))]
    email: Option<String>,
}

fn main() {}
