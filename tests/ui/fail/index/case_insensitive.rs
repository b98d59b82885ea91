use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(case_insensitive)]
    name: String,
}

fn main() {}
