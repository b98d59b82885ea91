//! Typed tables over the engine's keyspaces.
//!
//! ```text
//!   keyspace of the rows      primary key              -> layout version, row
//!   unique index              value                    -> primary key
//!   index                     value, primary key       -> (nothing)
//! ```
//!
//! Every key begins with the id of its keyspace. A value of a unique index in which a part is
//! missing is kept as in an index that is not unique, so any number of rows may miss it. A row and
//! its entries change in one commit.
//!
//! 1. Every index entry has its row, every row all of its entries.
//! 2. A unique value without a missing part has one owner.

mod build;
mod catalog;
mod claims;
mod copy;
mod default_table;
pub(crate) mod derived;
pub(crate) mod dynamic;
pub(crate) mod elements;
mod entries;
mod following;
pub(crate) mod form;
mod index;
mod insert_many;
mod insert_new;
mod insert_or_get;
pub(crate) mod key;
mod key_names;
mod mapper;
mod migrate;
mod mutate;
mod numbers;
mod owner;
mod repair;
pub(crate) mod row;
mod scan;
pub(crate) mod schema;
pub(crate) mod shape;
mod shared;
mod snapshot;
mod source;
mod spaces;
mod stamp;
pub(crate) mod stand_in;
mod status;
mod store;
mod stored_row;
mod sweep;
mod transaction;
mod transaction_body;
mod trial;
mod unique_many;
mod unreadable;
mod upsert_many;
mod verify;
mod violation;

pub use copy::{Copied, CopyProgress};
pub use default_table::DefaultTable;
pub use elements::Elements;
pub use entries::IndexEntries;
pub(crate) use following::Following;
pub use index::{Index, Unique};
pub use insert_or_get::Inserted;
pub use key::fuzz as fuzz_keys;
pub use key::{
    BeginsWithText, Caseless, Composite, Decimals, Generated, Key, KeyPart, KeyReader, KeyShape, KeyWriter,
    MAX_KEY_SIZE, NoCase, Point, RangeOver, Scaled, Straight, TextKey, Turned, Way,
};
#[cfg(feature = "parts")]
pub use key::{decode_key, encode_key};
pub(crate) use key_names::KeyNames;
pub use mapper::{GeneratesKey, Table, TableMapper};
pub use migrate::Migrated;
pub use repair::{LostOwner, LostRange, Repaired};
pub(crate) use row::MAX_ROW_SIZE;
pub use scan::{Batches, Cursor, Distinct, Entries, Keys, Page, Rest, Scan};
pub use schema::{FieldSchema, IndexName, IndexSchema, TableSchema};
pub use snapshot::Snapshot;
pub(crate) use source::Source;
pub use source::{Access, ReadOnly, ReadWrite, WriteAccess};
pub(crate) use spaces::{Space, space_in};
pub use status::{IndexState, IndexStatus};
pub(crate) use store::Store;
pub use sweep::{Duplicate, Swept};
pub use transaction::Transaction;
pub use transaction_body::TransactionBody;
pub use unreadable::Unreadable;
