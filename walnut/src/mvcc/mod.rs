//! The rules of time: which history a reader still needs.

mod garbage;
mod snapshots;

pub(crate) use garbage::Garbage;
pub(crate) use snapshots::{Pin, Snapshots};
