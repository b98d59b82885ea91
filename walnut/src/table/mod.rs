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
//!
//! ```text
//!   handle/        DefaultTable, Index, Unique        dynamic/  tables without the program's types
//!     │
//!     ├─ source/       what a handle reads and writes: database, transaction or snapshot
//!     ├─ write/        statements: insert, upsert, modify, remove, in bulk or one by one
//!     ├─ scan/         rows, keys and entries in order
//!     └─ maintenance/  all rows: index builds, new layouts, verify, sweep, repair, copy
//!          │
//!          catalog/    which tables and indexes the database has, and what has changed since
//!            │
//!            schema/   what the derive writes and calls
//!              │
//!              key/ row/ shape/     bytes of keys, bytes of rows, what serde reads of a row
//! ```

mod catalog;
pub(crate) mod dynamic;
mod handle;
pub(crate) mod key;
mod maintenance;
pub(crate) mod row;
mod scan;
pub(crate) mod schema;
pub(crate) mod shape;
mod source;
mod write;

pub(crate) use catalog::key_names::KeyNames;
pub(crate) use catalog::keyspaces::{OpenKeyspace, keyspace_in};
pub use catalog::status::{IndexState, IndexStatus};
pub use handle::default_table::DefaultTable;
pub use handle::index::{Index, Unique};
pub use handle::unreadable::Unreadable;
pub use key::fuzz as fuzz_keys;
pub use key::{
    AscendingKey, BeginsWithText, CaseFold, Composite, DescendingKey, FixedPointKey, Generated, Key,
    KeyBound, KeyGenerator, KeyRangeArg, KeyReader, KeyShape, KeyShapePart, KeyWriter, MAX_KEY_SIZE, NoCase,
    Scaled, TextKey,
};
#[cfg(feature = "parts")]
pub use key::{decode_key, encode_key};
pub use maintenance::copy::{CopyProgress, CopyReport};
pub use maintenance::migrate::MigrationReport;
pub use maintenance::repair::{LostOwner, LostRange, RepairReport};
pub use maintenance::sweep::{Duplicate, SweepReport};
pub(crate) use row::MAX_ROW_SIZE;
pub use scan::{Batches, Cursor, Distinct, Entries, Keys, Page, Rest, Scan};
pub use schema::elements::Elements;
pub use schema::entries::IndexEntries;
pub use schema::mapper::{GeneratesKey, Table};
pub use schema::{FieldSchema, IndexName, IndexSchema, TableSchema};
pub(crate) use source::Source;
pub(crate) use source::following::Following;
pub use source::snapshot::Snapshot;
pub(crate) use source::store::Store;
pub use source::transaction::{Transaction, TransactionBody};
pub use source::{Access, ReadOnly, ReadWrite, WriteAccess};
pub use write::insert_or_get::Inserted;
