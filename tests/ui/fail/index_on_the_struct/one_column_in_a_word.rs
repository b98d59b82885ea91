use walnut::Table;

#[derive(Table)]
#[index(a = (desc(age)))]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: u8,
    tags: Vec<String>,
    price: u64,
}

fn main() {}
