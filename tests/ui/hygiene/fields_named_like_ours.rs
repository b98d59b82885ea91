//! Fields with the names of methods, traits and of what is emitted.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Key, Table, Unique};

#[derive(Table, Serialize, Deserialize)]
#[index(range = (iter, len))]
#[index(transact = (table, key), unique)]
struct User {
    #[primary_key]
    by: u64,
    #[index]
    get: u8,
    #[index(unique)]
    key: u8,
    #[index]
    table: u8,
    #[index]
    index: u8,
    #[index]
    column: u8,
    #[index]
    insert: u8,
    iter: u8,
    len: u8,
    #[index]
    ix: u8,
    #[index]
    new: u8,
    #[index]
    encode_row: u8,
}

#[derive(Key, Serialize, Deserialize)]
struct Named {
    encode: u8,
    decode: u8,
    part: u8,
    is_none: u8,
}

fn types<A: Access>(users: &DefaultTable<User, A>) {
    let _: Index<'_, User, u8, A> = users.by().get;
    let _: Unique<'_, User, u8, A> = users.by().key;
    let _: Unique<'_, User, (u8, u8), A> = users.by().transact;
}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    assert_eq!(<User as walnut::TableMapper>::SCHEMA.indexes.len(), 11);
    assert_eq!(User::ix().encode_row.index, "encode_row");
    assert!(<Named as Key>::EXACT);
}
