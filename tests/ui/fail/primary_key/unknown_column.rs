use walnut::Table;

#[derive(Table)]
#[table(primary_key = (tenent, id))]
struct User {
    tenant: u32,
    id: u64,
}

fn main() {}
