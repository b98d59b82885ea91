//! Parameters in every kind of part.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use walnut::{Caseless, Key, Table, TableMapper};

#[derive(Table, Serialize, Deserialize)]
#[index(newest = (desc(at), key))]
#[index(first: K = Self::first, unique)]
struct Row<K: Ord + Clone, T, V>
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

impl<K: Ord + Clone, T, V: Clone> Row<K, T, V> {
    fn first(&self) -> Option<K> {
        self.keys.first().cloned()
    }
}

/// The element of an alias is found by its trait.
type Bytes = [u8; 4];

fn is_table<R: Table>() -> usize {
    R::SCHEMA.indexes.len()
}

fn in_a_generic_function<K: Key + Ord + Clone, T: Caseless, V: Key + Clone>() -> usize
where
    Row<K, T, V>: Table,
{
    is_table::<Row<K, T, V>>()
}

fn main() {
    assert_eq!(in_a_generic_function::<u8, String, i64>(), 6);
}
