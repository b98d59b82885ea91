use walnut::Table;

#[derive(Table)]
#[walnut(tabel(name = "users"))]
struct User {
    #[primary_key]
    id: u64,
}

fn main() {}
