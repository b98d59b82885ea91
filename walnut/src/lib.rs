//! Walnut: a typed embedded database.

mod base;
mod batch;
mod codec;
mod cursor;
pub mod env;
mod error;
mod manifest;
mod sst;
mod table;
mod wal;

pub use error::{Abort, Error, Fault, IoError, Limit, Result, SchemaError, UniqueViolation};
pub use table::{
    Access, Composite, DefaultTable, Direct, FieldSchema, Index, IndexEntries, IndexName, IndexSchema, Key,
    KeyReader, KeyWriter, MAX_KEY_SIZE, Point, RangeOver, Table, TableMapper, TableSchema, TextKey, Unique,
};
pub use walnut_derive::{Key, Table};

#[doc(hidden)]
pub mod __private;
