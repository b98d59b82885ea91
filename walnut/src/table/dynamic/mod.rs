//! Tables by their stored schema, without the program's types.
//!
//! ```text
//!   catalog ── layouts, shapes ── Mapper ── DynamicRow: StoredRow ── Mutation, verify, sweep
//!                                   └────── Rows: values of a query
//!   Value ── rows: its bytes by the row's shape     keys: its key by the key's shape
//! ```
//!
//! 1. Rows are written by the statements of typed tables; only the mapper differs.
//! 2. The catalog is in the snapshot of each read, and in the read set of each write, which
//!    therefore conflicts with a program that changes the table's layout or indexes: no row is
//!    written by an outdated schema.
//! 3. Nothing is guessed that only the program knows: a table with a computed index, a key encoded
//!    by a type of the program's own, or rows that could not be traced, is read and not written.

mod calendar;
mod description;
mod encode;
mod forms;
mod key_builder;
mod key_types;
mod keys;
mod known;
mod mapper;
mod query;
mod record;
mod rows;
mod rust;
mod scan;
mod table;
mod value;

pub use description::{ColumnDescription, Description, IndexDescription, ValueKind};
pub(super) use mapper::{Mapper, StoredForm, StoredParts};
pub use query::{Comparison, Query};
pub use scan::Rows;
pub use table::{DynamicTable, SweepCounts};
pub use value::Value;
