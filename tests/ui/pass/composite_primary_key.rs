//! A primary key of several columns is the tuple of their types, in the order of the list.

use serde::{Deserialize, Serialize};
use walnut::{Table, TableMapper};

#[derive(Table, Serialize, Deserialize)]
#[table(name = "events", primary_key = (tenant, id),)]
struct Event {
    id: u64,
    #[index]
    kind: String,
    // The table is ordered by the tenant first, but an index on it alone is no repetition of that.
    #[index]
    tenant: u32,
}

fn keyed_by<K, T: TableMapper<PrimaryKey = K>>() {}

fn main() {
    keyed_by::<(u32, u64), Event>();
    assert_eq!(Event::SCHEMA.primary_key, ["tenant", "id"]);
}
