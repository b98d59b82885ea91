//! A floating-point number is found behind a type parameter and in a collection, too.

use serde::{Deserialize, Serialize};
use walnut::{Table, TableMapper, TableSchema};

#[derive(Table, Serialize, Deserialize)]
struct Row<K> {
    #[primary_key]
    id: u64,
    #[index(unique)]
    value: K,
}

const _: TableSchema = <Row<u64> as TableMapper>::SCHEMA;

const _: TableSchema = <Row<f64> as TableMapper>::SCHEMA;

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(each, unique)]
    heights: Vec<f64>,
}

fn main() {}
