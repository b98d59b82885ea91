use walnut::Table;

#[derive(Table)]
#[table(primary_key = (tenant, desc(id)))]
struct User {
    id: u64,
    tenant: u32,
}

fn main() {}
