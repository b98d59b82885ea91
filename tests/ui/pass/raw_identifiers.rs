//! A name is the same with and without `r#`; on disk it stands without.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Table};

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (r#loop, type))]
#[index(r#match = (r#type, fn))]
struct r#struct {
    #[index]
    r#type: u8,
    r#fn: u16,
    r#loop: u32,
}

fn types<A: Access>(table: &DefaultTable<r#struct, A>) {
    let _: Index<'_, r#struct, u8, A> = table.by().r#type;
    let _: Index<'_, r#struct, (u8, u16), A> = table.by().r#match;
}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    assert_eq!(<r#struct as walnut::TableMapper>::SCHEMA.name, "struct");
    assert_eq!(<r#struct as walnut::TableMapper>::SCHEMA.primary_key, ["loop", "type"]);
    assert_eq!(r#struct::ix().r#match.index, "match");
    assert_eq!(<r#struct as walnut::TableMapper>::SCHEMA.indexes[0].parts, ["type", "fn"]);
    assert_eq!(<r#struct as walnut::TableMapper>::SCHEMA.indexes[1].name, "type");
}
