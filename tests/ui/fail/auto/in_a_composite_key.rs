use walnut::Table;

#[derive(Table)]
#[table(primary_key = (tenant, id))]
struct User {
    #[primary_key(auto)]
    id: u64,
    tenant: u32,
}

fn main() {}
