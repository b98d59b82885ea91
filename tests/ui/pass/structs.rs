//! What a table can look like: the smallest one, a key of several columns, raw identifiers, fields that are not stored.

use std::cell::Cell;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Table, TableMapper};

// A primary key is enough; the table is called as the struct is.
#[derive(Table, Serialize, Deserialize)]
struct Visit {
    #[primary_key]
    at: i64,
}

#[derive(Table, Serialize, Deserialize)]
#[table()]
struct r#Move {
    #[primary_key()]
    at: i64,
    #[index()]
    by: u8,
}

fn by_nothing<A: Access>(visits: &DefaultTable<Visit, A>) {
    let _ = visits.by();
}

// A primary key of several columns is the tuple of their types, in the order of the list.
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

// A name is the same with and without `r#`; on disk it is without.
#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (r#loop, type))]
#[index(r#match = (r#type, fn))]
struct r#struct {
    #[index]
    r#type: u8,
    r#fn: u16,
    r#loop: u32,
}

fn raw_types<A: Access>(table: &DefaultTable<r#struct, A>) {
    let _: Index<'_, r#struct, u8, A> = table.by().r#type;
    let _: Index<'_, r#struct, (u8, u16), A> = table.by().r#match;
}

// A field that serde skips is no part of the row, whatever its type is.
#[derive(Table, Serialize, Deserialize)]
struct User {
    #[table(skip)]
    #[serde(skip)]
    cache: Mutex<Cell<u8>>,
    #[primary_key]
    id: u64,
    #[serde(skip_serializing, skip_deserializing)]
    #[table(skip)]
    last: u8,
    #[serde(default, rename = "mail")]
    email: String,
}

fn main() {
    let _ = (by_nothing::<walnut::ReadWrite>, raw_types::<walnut::ReadWrite>);
    let _ = <Visit as Table>::ix();
    assert_eq!(Visit::SCHEMA.name, "Visit");
    assert!(Visit::SCHEMA.indexes.is_empty());
    assert_eq!(r#Move::SCHEMA.name, "Move");

    keyed_by::<(u32, u64), Event>();
    assert_eq!(Event::SCHEMA.primary_key, ["tenant", "id"]);

    let raw = <r#struct as TableMapper>::SCHEMA;
    assert_eq!((raw.name, raw.primary_key), ("struct", &["loop", "type"][..]));
    assert_eq!(r#struct::ix().r#match.index, "match");
    assert_eq!((raw.indexes[0].parts, raw.indexes[1].name), (&["type", "fn"][..], "type"));

    let names: Vec<_> = User::SCHEMA.fields.iter().map(|field| field.name).collect();
    assert_eq!(names, ["id", "email"]);
}
