//! Tables by their stored schema, without the program's types.
//!
//! ```text
//!   catalog ── layouts, shapes ── Mapper ── DynamicRow: StoredRow ── Mutation, verify, sweep
//!                                   └────── Rows: values of a query
//!   Value ── rows: its bytes by the row's shape     keys: its key by the key's shape
//! ```
//!
//! 1. Rows are written by the statements that typed tables use; only the mapper differs.
//! 2. The catalog is read in the state of each read, and by each write, which therefore conflicts
//!    with a program that changes the table's layout or indexes: no row is written by a schema that
//!    is no longer the table's.
//! 3. What only the program knows is not guessed: a table with a computed index, a key encoded by a
//!    type of the program's own, or rows that refused to be traced, is read and not written.

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
mod value_path;

pub use description::{ColumnDescription, Description, IndexDescription, ValueKind};
pub(super) use mapper::{Mapper, StoredForm, StoredParts};
pub use query::{Comparison, Query};
pub use scan::Rows;
pub use table::{DynamicTable, SweepCounts};
pub use value::Value;
