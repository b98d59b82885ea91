//! The handles that programs hold, one for a table and one for each of its indexes.
//!
//! A method here checks its arguments, encodes the key, and calls `source`, `write` or `scan`.

pub(super) mod default_table;
pub(super) mod index;
mod unique_many;
pub(super) mod unreadable;
mod violation;
