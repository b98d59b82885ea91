//! Walnut: a typed embedded database.

mod base;
mod batch;
mod codec;
mod cursor;
mod database;
mod engine;
pub mod env;
mod error;
mod manifest;
mod memtable;
mod mvcc;
mod options;
mod sst;
mod sync;
mod table;
mod txn;
mod wal;

pub use database::Database;
pub use engine::{Background, Durability};
pub use error::{Abort, Error, Fault, IoError, Limit, Result, SchemaError, UniqueViolation};
pub use options::{Builder, Compression};
pub use table::{
    Access, Composite, DefaultTable, Direct, Entries, FieldSchema, Index, IndexEntries, IndexName,
    IndexSchema, Key, KeyReader, KeyWriter, Keys, MAX_KEY_SIZE, Point, RangeOver, RowFilter, Scan, Table,
    TableMapper, TableSchema, TextKey, Unique, WriteAccess,
};
pub use walnut_derive::{Key, Table};

#[doc(hidden)]
pub mod __private;
