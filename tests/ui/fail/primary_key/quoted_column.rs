use walnut::Table;

#[derive(Table)]
#[table(primary_key = ("tenant", id))]
struct User {
    tenant: u32,
    id: u64,
}

fn main() {}
