//! Parameters with bounds, where clauses and defaults, in every kind of index.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use walnut::{Access, CaseFold, DefaultTable, Index, Key, Table, TableMapper, Unique};

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

#[derive(Table, Serialize, Deserialize)]
#[index(newest = (desc(at), key))]
#[index(first: K = Self::first, unique)]
struct Words<K: Ord + Clone, T, V>
where
    V: Clone,
{
    #[primary_key]
    id: u64,
    #[index(each)]
    keys: BTreeSet<K>,
    #[index(nocase)]
    text: T,
    #[index(sparse)]
    spare: Option<K>,
    key: K,
    at: V,
    #[index(each)]
    bytes: Bytes,
}

impl<K: Ord + Clone, T, V: Clone> Words<K, T, V> {
    fn first(&self) -> Option<K> {
        self.keys.first().cloned()
    }
}

/// The element of an alias is found by its trait.
type Bytes = [u8; 4];

fn types<A: Access>(rows: &DefaultTable<Row<u64>, A>, unused: &DefaultTable<Unused<String>, A>) {
    let _: Unique<'_, Row<u64>, Option<u64>, A> = rows.by().owner;
    let _: Index<'_, Row<u64>, (Option<u64>, [u8; 4]), A> = rows.by().owner_size;
    let _: Index<'_, Unused<String>, u8, A> = unused.by().place;
}

fn name<K, T>() -> &'static str
where
    K: Key + Debug + Clone,
    Row<K>: Table,
    Unused<T>: Table,
{
    let _ = Row::<K>::ix();
    <Row<K> as TableMapper>::SCHEMA.name
}

fn index_count<K: Key + Ord + Clone, T: CaseFold, V: Key + Clone>() -> usize
where
    Words<K, T, V>: Table,
{
    index_count_of::<Words<K, T, V>>()
}

fn index_count_of<R: Table>() -> usize {
    R::SCHEMA.indexes.len()
}

fn is_table<T: Table>() {}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    is_table::<Pair<String, i32>>();
    assert_eq!(name::<u64, u8>(), "Row");
    assert_eq!(index_count::<u8, String, i64>(), 6);
}
