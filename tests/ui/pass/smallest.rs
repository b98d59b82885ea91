//! A primary key is enough; the table is called as the struct is.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Table, TableMapper};

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

fn main() {
    let _ = by_nothing::<walnut::ReadWrite>;
    let _ = <Visit as Table>::ix();
    assert_eq!(Visit::SCHEMA.name, "Visit");
    assert!(Visit::SCHEMA.indexes.is_empty());
    assert_eq!(r#Move::SCHEMA.name, "Move");
}
