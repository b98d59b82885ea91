//! Walnut is a typed embedded database: annotate a struct, and it is a durable table with indexes.
//!
//! ```standalone_crate
//! use serde::{Deserialize, Serialize};
//! use walnut::{Database, Table};
//!
//! #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
//! #[table(name = "users")]
//! #[index(city_age = (city, age))]
//! struct User {
//!     #[primary_key]
//!     id: u64,
//!     #[index(unique)]
//!     email: String,
//!     city: String,
//!     age: u8,
//! }
//!
//! fn main() -> walnut::Result<()> {
//! #   let dir = tempfile::tempdir().unwrap();
//! #   std::env::set_current_dir(&dir).unwrap();
//!     let db = Database::open("app.walnut")?; // a directory, made when missing
//!     let users = db.table::<User>()?;
//!
//!     let ann = User { id: 1, email: "ann@x.org".into(), city: "Paris".into(), age: 30 };
//!     users.insert(&ann)?; // durable when it returns; a second one is Error::UniqueViolation
//!     users.modify(1, |user| user.age += 1)?;
//!
//!     assert_eq!(users.by().email.get("ann@x.org")?.map(|user| user.age), Some(31));
//!     for user in users.by().city_age.prefix("Paris").range(21..).rev().limit(10) {
//!         println!("{:?}", user?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Where to read on
//!
//! - [`derive(Table)`](derive@Table) lists the attributes, [`derive(Key)`](derive@Key) makes keys of your own types;
//! - [`DefaultTable`] is what can be done with a table, [`Scan`] what with a range of it;
//! - [`Transaction`] makes several statements one, [`Snapshot`] keeps a state to be read;
//! - [`Database`] and [`Builder`] open, close, checkpoint and configure;
//! - [`kv`] is the raw engine below the tables: keyspaces of bytes;
//! - [`Error`] says what can go wrong, [`Durability`] what a commit survives;
//! - [`Key`] has the order and the bytes of every key type;
//! - [`env`](mod@env) puts a machine under the store that can be made to fail, for tests of your own.

mod base;
mod batch;
mod codec;
mod compaction;
mod cursor;
mod database;
mod engine;
pub mod env;
mod error;
mod files;
pub mod kv;
mod manifest;
mod memtable;
mod mvcc;
mod options;
mod sst;
mod sync;
mod table;
mod txn;
mod vlog;
mod wal;

pub use compaction::Compaction;
pub use database::Database;
pub use engine::{Background, Durability, LevelStats, Preflight, Standing, Stats, Verified};
pub use error::{
    Abort, CursorError, Disagreement, Error, Fault, Finding, FindingKind, IoError, Limit, OptionsError,
    Result, SchemaError, UniqueViolation, UnreadableRow, Unstorable,
};
pub use options::{Builder, Compression};
pub use table::{
    Access, BeginsWithText, Caseless, Composite, Cursor, Decimals, DefaultTable, Duplicate, Elements,
    Entries, FieldSchema, Generated, GeneratesKey, Index, IndexEntries, IndexName, IndexSchema, IndexState,
    IndexStatus, Key, KeyReader, KeyWriter, Keys, MAX_KEY_SIZE, Migrated, NoCase, Page, Point, RangeOver,
    ReadOnly, ReadWrite, Rest, RowFilter, Scaled, Scan, Snapshot, Straight, Swept, Table, TableMapper,
    TableSchema, TextKey, Transaction, Turned, Unique, Unreadable, Way, WriteAccess,
};
pub use txn::Savepoint;

/// The marker of handles of the database, as it was called once.
#[doc(hidden)]
pub type Direct = ReadWrite;
/// The marker of handles of a transaction, as it was called once.
#[doc(hidden)]
pub type InTransaction<'t> = ReadWrite;
/// The marker of handles of a snapshot, as it was called once.
#[doc(hidden)]
pub type InSnapshot = ReadOnly;

pub use walnut_derive::{Key, Nested, Table};

#[doc(hidden)]
pub mod __private;

/// What a table looks like as it is stored. No promise is made about these names yet.
#[doc(hidden)]
pub mod schema {
    pub use crate::table::shape::{Field, Known, Node, NodeId, RowShape, Variant};
    pub use crate::table::{KeyPart, KeyShape};
}

/// Switches and parts for measurements of the store itself.
#[cfg(any(feature = "untracked", feature = "parts"))]
#[doc(hidden)]
pub mod __measure {
    #[cfg(feature = "parts")]
    pub use crate::memtable::MeasuredMemtable;
    #[cfg(feature = "parts")]
    pub use crate::sst::{MeasuredBlock, MeasuredFilter};
    #[cfg(feature = "parts")]
    pub use crate::table::{decode_key, encode_key};
    #[cfg(feature = "untracked")]
    pub use crate::txn::leave_conflicts_unnoticed;
    #[cfg(feature = "parts")]
    pub use crate::wal::MeasuredLog;
}

/// Where hostile bytes come in, for fuzzing.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::batch::fuzz as batch;
    pub use crate::manifest::fuzz as manifest;
    pub use crate::sst::fuzz as sst;
    pub use crate::table::fuzz_keys as key;
    pub use crate::vlog::fuzz as value_log;
    pub use crate::wal::fuzz as wal;
}

/// Pins the layout of a table in a test: it panics when the struct no longer reads what databases of today hold.
///
/// The second argument is the layout's hash, of its name, version, fields and primary key, down to the fields and variants of the types
/// that the fields have. Write anything at first: the message tells the hash. Indexes may change at will, since they are built anew.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::Table;
/// #[derive(Table, Serialize, Deserialize)]
/// #[table(name = "users")]
/// struct User {
///     #[primary_key]
///     id: u64,
///     email: String,
/// }
///
/// walnut::assert_schema!(User, "2c0de66ade01a451");
/// ```
#[macro_export]
macro_rules! assert_schema {
    ($table:ty, $hash:expr $(,)?) => {
        $crate::__private::assert_layout::<$table>($hash)
    };
}
