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
//! What most programs need is at the root of the crate:
//!
//! - [`derive(Table)`](derive@Table) lists the attributes of a table, [`derive(Key)`](derive@Key)
//!   makes keys of your own types;
//! - [`Database`] and [`Builder`] open, close and configure; [`Durability`] says what a commit
//!   survives;
//! - [`DefaultTable`] has the methods of a table, [`Scan`] those of a range of rows;
//! - [`Transaction`] makes several statements one, [`Snapshot`] reads one state as long as it is
//!   held;
//! - [`Error`] says what can go wrong.
//!
//! The modules are for when you need more:
//!
//! - [`key`] to implement [`Key`] for a type of your own, or to name a key type in a signature;
//! - [`schema`] to implement [`Table`](trait@Table) by hand, or to inspect what the derive
//!   generates;
//! - [`report`] for what `stats`, `verify`, `preflight`, `sweep` and the errors tell in detail;
//! - [`scan`] for the names of iterators that a scan can become, to store them in a struct;
//! - [`kv`] for sorted maps of bytes below the tables;
//! - [`remote`] for engines that run elsewhere and are shared by many processes;
//! - [`env`](mod@env) for tests that simulate a disk, a crash or a clock.
//!
//! A guide with programs for each topic is in the repository, in `docs/guide`.

mod backend;
mod base;
mod batch;
mod cache;
mod codec;
mod compaction;
mod crypt;
mod cursor;
mod database;
mod dump;
mod engine;
pub mod env;
mod error;
mod files;
mod follower;
pub mod kv;
mod manifest;
mod memtable;
mod mvcc;
mod options;
mod repair;
mod sst;
mod sync;
mod table;
mod txn;
mod vlog;
mod wal;

pub use compaction::Compaction;
#[cfg(feature = "encryption")]
pub use crypt::{EncryptionKey, KeyProvider};
pub use database::Database;
pub use dump::dump;
#[cfg(feature = "encryption")]
pub use engine::StateDigest;
pub use engine::{Background, Durability, Stats};
pub use error::{Error, KeyFault, Limit, Result, UniqueViolation};
pub use follower::{Follower, ReadOnlyBuilder};
#[cfg(feature = "encryption")]
pub use options::Backup;
pub use options::{Builder, Compression};
pub use repair::repair;
pub use table::{
    Cursor, DefaultTable, Index, Inserted, Key, Page, ReadOnly, ReadWrite, Scan, Snapshot, Table,
    Transaction, Unique,
};
pub use txn::Savepoint;

// Names of the modules below that were at the root before there were modules.
#[doc(hidden)]
pub use engine::{BackupCheck, LevelStats, TargetState, VerifyReport};
#[doc(hidden)]
pub use error::{
    Abort, CursorError, Disagreement, Fault, Finding, FindingKind, IoError, OptionsError, SchemaError,
    UnreadableRow, Unstorable,
};
#[doc(hidden)]
pub use table::{
    Access, AscendingKey, BeginsWithText, CaseFold, Composite, DescendingKey, Duplicate, Elements, Entries,
    FieldSchema, FixedPointKey, Generated, GeneratesKey, IndexEntries, IndexName, IndexSchema, IndexState,
    IndexStatus, KeyBound, KeyGenerator, KeyRangeArg, KeyReader, KeyWriter, Keys, MAX_KEY_SIZE,
    MigrationReport, NoCase, Rest, Scaled, SweepReport, Table as TableMapper, TableSchema, TextKey,
    Unreadable, WriteAccess,
};

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

pub mod key {
    //! Keys: how values are encoded so that their bytes sort as they do.
    //!
    //! You need this module to implement [`Key`] for a type that [`derive(Key)`](derive@crate::Key)
    //! cannot describe, with [`KeyWriter`] and [`KeyReader`]; to write a function that is generic
    //! over the key of an index; or to name the key type of an index with `nocase` ([`NoCase`]),
    //! `scale` ([`Scaled`]) or `desc` ([`Reverse`](std::cmp::Reverse)). [`Key`] has the table of
    //! all encodings.
    //!
    //! Which methods an index has follows from traits of its key: `prefix` needs [`Composite`],
    //! `starts_with` [`BeginsWithText`], `each` [`Elements`], `#[primary_key(auto)]` [`Generated`].
    //! Ranges are passed as [`KeyRangeArg`], their bounds as [`KeyBound`].

    #[doc(no_inline)]
    pub use crate::Key;
    pub use crate::error::Fault;
    pub use crate::table::{
        AscendingKey, BeginsWithText, CaseFold, Composite, DescendingKey, Elements, FixedPointKey, Generated,
        KeyBound, KeyGenerator, KeyRangeArg, KeyReader, KeyShape, KeyShapePart, KeyWriter, MAX_KEY_SIZE,
        NoCase, Scaled, TextKey,
    };

    // The compiler proposes a trait by a name that no other public item has. In a program with
    // another `Table` that would be `TableMapper`. That name is given twice, so that
    // `walnut::Table` is proposed.
    #[doc(hidden)]
    pub use crate::table::KeyShape as TableMapper;
}

pub mod dynamic {
    //! Tables by their stored schema: rows as [`Value`]s, without the program's types.
    //!
    //! You need this module to look into a database whose structs you do not have, as the command
    //! `walnut` does: [`Database::dynamic`](crate::Database::dynamic) opens a [`DynamicTable`],
    //! [`Query`] says which rows, [`Description`] what the table looks like.

    pub use crate::table::dynamic::{
        ColumnDescription, Comparison, Description, DynamicTable, IndexDescription, Query, Rows, SweepCounts,
        Value, ValueKind,
    };
}

pub mod schema {
    //! What [`derive(Table)`](derive@crate::Table) generates of a struct, and what the catalog of a
    //! database records of it.
    //!
    //! You need this module to implement [`Table`](trait@crate::Table) by hand, as [`TableMapper`],
    //! for a struct that the derive cannot describe, or to inspect a table's [`TableSchema`] in a
    //! tool. In bounds write `T: Table`. Which index a violation is about is asked with an
    //! [`IndexName`]: `violation.is(User::ix().email)`.

    pub use crate::table::{
        Access, FieldSchema, GeneratesKey, IndexEntries, IndexName, IndexSchema, Table as TableMapper,
        TableSchema, TransactionBody, WriteAccess,
    };

    #[doc(hidden)]
    pub use crate::table::shape::{Field, Known, Node, NodeId, RowShape, Variant};
    #[doc(hidden)]
    pub use crate::table::{KeyShape, KeyShapePart};
}

pub mod report {
    //! What the database reports about itself, and the details of errors.
    //!
    //! You need this module to keep a report in a variable of its type, or to look into one:
    //!
    //! | from | comes |
    //! |---|---|
    //! | [`Database::stats`](crate::Database::stats) | [`Stats`], with [`LevelStats`] |
    //! | [`Database::verify`](crate::Database::verify) | [`VerifyReport`], or [`Disagreement`] with its [`Finding`]s |
    //! | [`Database::preflight`](crate::Database::preflight) | [`BackupCheck`] |
    //! | [`DefaultTable::index_status`](crate::DefaultTable::index_status) | [`IndexStatus`] |
    //! | [`DefaultTable::sweep`](crate::DefaultTable::sweep) | [`SweepReport`] |
    //! | [`DefaultTable::migrate_all`](crate::DefaultTable::migrate_all) | [`MigrationReport`] |
    //! | [`DefaultTable::unreadable`](crate::DefaultTable::unreadable) | [`Unreadable`] |
    //! | [`repair`](crate::repair) | [`RepairReport`], with a [`LostRange`] for each part that was lost |
    //! | [`dump`](fn@crate::dump) | a [`DumpedPart`] for each part of a file, then a [`DumpedFile`] with its [`FileType`] |
    //! | an [`Error`](crate::Error) | the other types, one for each variant with details |

    #[doc(no_inline)]
    pub use crate::Stats;
    pub use crate::dump::{DumpedFile, DumpedPart, FileType};
    pub use crate::engine::{BackupCheck, LevelStats, TargetState, VerifyReport};
    pub use crate::error::{
        Abort, CursorError, Disagreement, Finding, FindingKind, IoError, OptionsError, SchemaError,
        UnreadableRow, Unstorable, ValueError,
    };
    pub use crate::table::{
        Duplicate, IndexState, IndexStatus, LostOwner, LostRange, MigrationReport, RepairReport, SweepReport,
        Unreadable,
    };
}

pub mod scan {
    //! The iterators that a [`Scan`](crate::Scan) can become.
    //!
    //! You need this module to name one of them, in a struct or a return type: [`Keys`] of
    //! [`scan.keys()`](crate::Scan::keys), [`Entries`] of `entries()`, [`Distinct`] of
    //! `distinct()`, [`Batches`] of `in_batches(n)`. [`Rest`] is the parameter of a scan that still
    //! can be narrowed.

    pub use crate::table::{Batches, Distinct, Entries, Keys, Rest};
}

pub mod remote {
    //! Engines that run elsewhere, for tables that outgrow one machine.
    //!
    //! You need this module to write an adapter: a type that implements [`Engine`], and one that
    //! implements [`Session`].

    #[doc(no_inline)]
    pub use crate::Durability;
    pub use crate::backend::{
        Embedded, Engine, Failure, Faults, Limits, Memory, Mode, Page, RemoteOptions, Serializable, Session,
        StaleReads, TimeTravel, Writes,
    };
    pub use crate::database::{copy, copy_with};
    pub use crate::error::RemoteError;
    pub use crate::table::{CopyProgress, CopyReport};
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
    #[cfg(feature = "encryption")]
    pub use crate::crypt::{fuzz_keys as keys, fuzz_sealed as sealed};
    pub use crate::manifest::fuzz as manifest;
    pub use crate::sst::fuzz as sst;
    pub use crate::table::fuzz_keys as key;
    pub use crate::vlog::fuzz as value_log;
    pub use crate::wal::fuzz as wal;
}

/// Pins the layout of a table in a test: it panics when the struct no longer reads what databases
/// of today hold.
///
/// The second argument is the layout's hash, of its name, version, fields and primary key, down to
/// the fields and variants of the types that the fields have. Write anything at first: the message
/// tells the hash. Indexes may change at will, since they are built anew.
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
