use walnut::Table;

#[derive(Table)]
#[table(primary_key = (tenant, id))]
#[table(primary_key = (id, tenant))]
struct User {
    tenant: u32,
    id: u64,
}

fn main() {}
