//! Typed tables over the engine's keyspaces.
//!
//! ```text
//!   keyspace of the rows      primary key              -> layout version, row
//!   unique index              value                    -> primary key
//!   index                     value, primary key       -> (nothing)
//! ```
//!
//! Every key begins with the id of its keyspace. A value of a unique index in which a part is missing is kept as in an index
//! that is not unique, so any number of rows may miss it. A row and its entries change in one commit.
//!
//! 1. Every index entry has its row, every row all of its entries.
//! 2. A unique value without a missing part has one owner.

mod access;
mod catalog;
mod default_table;
pub(crate) mod derived;
mod index;
pub(crate) mod key;
mod mapper;
mod mutate;
pub(crate) mod row;
mod scan;
mod schema;
mod snapshot;
mod store;
mod transaction;
mod verify;
mod violation;

pub use access::{Access, Direct, WriteAccess};
pub use default_table::DefaultTable;
pub use index::{Index, Unique};
pub use key::fuzz as fuzz_keys;
pub use key::{Composite, Key, KeyReader, KeyWriter, MAX_KEY_SIZE, Point, RangeOver, TextKey};
pub use mapper::{IndexEntries, Table, TableMapper};
pub use scan::{Entries, Keys, RowFilter, Scan};
pub use schema::{FieldSchema, IndexName, IndexSchema, TableSchema};
pub use snapshot::{InSnapshot, Snapshot};
pub(crate) use store::Store;
pub use transaction::{InTransaction, Transaction};
