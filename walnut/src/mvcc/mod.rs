//! The rules of time: which history a reader still needs.

mod dead_ranges;
mod garbage;
mod snapshots;

pub(crate) use dead_ranges::DeadRanges;
pub(crate) use garbage::Garbage;
pub(crate) use snapshots::{Pin, Snapshots};
