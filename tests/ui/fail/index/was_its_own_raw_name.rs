use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(was = "type")]
    r#type: u8,
}

fn main() {}
