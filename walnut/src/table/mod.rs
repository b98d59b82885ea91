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
mod copy;
mod default_table;
pub(crate) mod derived;
pub(crate) mod dynamic;
pub(crate) mod elements;
pub(crate) mod encoding;
mod entries;
mod following;
mod generation;
mod index;
mod insert_many;
mod insert_new;
mod insert_or_get;
pub(crate) mod key;
mod key_names;
mod key_sequence;
mod keyspaces;
mod mapper;
mod migrate;
mod mutate;
mod owner;
mod repair;
pub(crate) mod row;
mod row_count;
mod row_locks;
mod scan;
pub(crate) mod schema;
pub(crate) mod shape;
mod shared;
mod snapshot;
mod source;
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

pub use copy::{CopyProgress, CopyReport};
pub use default_table::DefaultTable;
pub use elements::Elements;
pub use entries::IndexEntries;
pub(crate) use following::Following;
pub use index::{Index, Unique};
pub use insert_or_get::Inserted;
pub use key::fuzz as fuzz_keys;
pub use key::{
    AscendingKey, BeginsWithText, CaseFold, Composite, DescendingKey, FixedPointKey, Generated, Key,
    KeyBound, KeyGenerator, KeyRangeArg, KeyReader, KeyShape, KeyShapePart, KeyWriter, MAX_KEY_SIZE, NoCase,
    Scaled, TextKey,
};
#[cfg(feature = "parts")]
pub use key::{decode_key, encode_key};
pub(crate) use key_names::KeyNames;
pub(crate) use keyspaces::{OpenKeyspace, keyspace_in};
pub use mapper::{GeneratesKey, Table, TableMapper};
pub use migrate::MigrationReport;
pub use repair::{LostOwner, LostRange, RepairReport};
pub(crate) use row::MAX_ROW_SIZE;
pub use scan::{Batches, Cursor, Distinct, Entries, Keys, Page, Rest, Scan};
pub use schema::{FieldSchema, IndexName, IndexSchema, TableSchema};
pub use snapshot::Snapshot;
pub(crate) use source::Source;
pub use source::{Access, ReadOnly, ReadWrite, WriteAccess};
pub use status::{IndexState, IndexStatus};
pub(crate) use store::Store;
pub use sweep::{Duplicate, SweepReport};
pub use transaction::Transaction;
pub use transaction_body::TransactionBody;
pub use unreadable::Unreadable;
