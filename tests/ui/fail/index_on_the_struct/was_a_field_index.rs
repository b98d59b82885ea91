use walnut::Table;

#[derive(Table)]
#[index(a = (name, age), was = "mail")]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: u8,
    #[index]
    mail: String,
}

fn main() {}
