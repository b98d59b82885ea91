//! Work on all rows of a table: in batches, each a commit of its own, while other threads read and
//! write.
//!
//! ```text
//!   build, trial     opening a table that has changed: new indexes, a new layout
//!   migrate          rows of older layouts are rewritten
//!   verify, sweep    rows against index entries: reports, or repairs
//!   repair, copy     the tables of a damaged database; all tables into another database
//! ```

pub(super) mod build;
pub(super) mod copy;
pub(super) mod migrate;
pub(super) mod repair;
pub(super) mod sweep;
pub(super) mod trial;
pub(super) mod verify;
