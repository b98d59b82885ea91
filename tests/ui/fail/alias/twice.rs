use walnut::Table;

#[derive(Table)]
#[walnut(crate = walnut, table(crate = walnut))]
struct User {
    #[walnut(primary_key, primary_key)]
    id: u64,
    #[walnut(index, index(unique))]
    age: u8,
}

fn main() {}
