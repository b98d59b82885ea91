//! Parameters with bounds, where clauses and defaults.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Key, Table, Unique};

#[derive(Table, Serialize, Deserialize)]
#[index(owner_size = (owner, size))]
struct Row<A: Debug + Clone, V = Vec<u8>, const N: usize = 4>
where
    V: Default,
{
    #[primary_key]
    id: A,
    #[index(unique)]
    owner: Option<A>,
    size: [u8; 4],
    value: V,
}

// Whatever the parameters are called, the emitted names are others.
#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (a, key))]
struct Pair<A, K> {
    a: A,
    key: K,
}

#[derive(Table, Serialize, Deserialize)]
struct Unused<T> {
    #[primary_key]
    id: u64,
    #[index]
    place: u8,
    value: Option<T>,
}

fn types<A: Access>(rows: &DefaultTable<Row<u64>, A>, unused: &DefaultTable<Unused<String>, A>) {
    let _: Unique<'_, Row<u64>, Option<u64>, A> = rows.by().owner;
    let _: Index<'_, Row<u64>, (Option<u64>, [u8; 4]), A> = rows.by().owner_size;
    let _: Index<'_, Unused<String>, u8, A> = unused.by().place;
}

fn in_a_generic_function<K, T>() -> &'static str
where
    K: Key + Debug + Clone,
    Row<K>: Table,
    Unused<T>: Table,
{
    let _ = Row::<K>::ix();
    <Row<K> as walnut::TableMapper>::SCHEMA.name
}

fn is_table<T: Table>() {}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    is_table::<Pair<String, i32>>();
    assert_eq!(in_a_generic_function::<u64, u8>(), "Row");
}
