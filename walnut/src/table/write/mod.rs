//! Statements that write rows, within a transaction: a row, its index entries and the row count
//! change together.
//!
//! ```text
//!   insert_many ─┐
//!   upsert_many ─┼─ Mutation (mutate) ── StoredRow (stored_row) ── keys, bytes, index entries
//!   handles ─────┘    ├─ owner           the row that a unique value belongs to
//!                     └─ row_count       the number of rows, as a sum of adds
//!   key_sequence      auto-increment, before the row is written
//!   row_locks         consumers that pop rows side by side
//! ```

pub(super) mod insert_many;
mod insert_new;
pub(super) mod insert_or_get;
pub(super) mod key_sequence;
pub(super) mod mutate;
pub(super) mod owner;
pub(super) mod row_count;
pub(super) mod row_locks;
pub(super) mod stored_row;
pub(super) mod upsert_many;
