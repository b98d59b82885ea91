use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[walnut(indx)]
    age: u8,
}

fn main() {}
