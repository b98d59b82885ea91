use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Serialize, Deserialize)]
struct NoKey;

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (tenant, id))]
struct User {
    tenant: u32,
    id: NoKey,
}

fn main() {}
