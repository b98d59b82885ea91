//! Pure rules of multi-version concurrency control: snapshots, garbage, and dead ranges.

mod dead_ranges;
mod garbage;
mod snapshots;

pub(crate) use dead_ranges::DeadRanges;
pub(crate) use garbage::Garbage;
pub(crate) use snapshots::{Pin, Snapshots};
