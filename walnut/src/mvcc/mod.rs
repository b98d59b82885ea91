//! The rules of time: which history a reader still needs.

mod snapshots;

pub(crate) use snapshots::{Pin, Snapshots};
