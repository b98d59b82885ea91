//! Compaction: merges SSTs into deeper levels and forgets what nobody can read.
//!
//! ```text
//!   Version --pick--> Nothing | Move | Merge --job--> new SSTs --> the caller swaps them for the inputs, in one edit
//! ```
//!
//! - `pick` decides: pure functions of a version. It reads no clock, takes no lock and touches no disk.
//! - `job` carries a merge out; `outputs` writes its SSTs and `cuts` says where one ends and the next begins.
//!
//! - `reclaim` does both for the value log: what is live in a worn value file moves to a new one.
//!
//! 1. Of one key, what lies higher is newer: the files of level 0 only go down all together, a file of another
//!    level goes together with everything in the output level that shares its range.
//! 2. The versions of a key are never divided between two files of a level.
//! 3. What is dropped, `mvcc` says; that nothing older lies below is asked of the key ranges of the levels below the output,
//!    never of file numbers.
//! 4. A job that fails, meets damage or is stopped leaves its inputs as they are, and no files of its own.
//! 5. Picks come to an end: each moves entries down, or takes entries away.
//!
//! It does not know when it runs, who reads meanwhile, and how the version is changed.

mod cuts;
mod job;
mod outputs;
mod pick;
mod reclaim;
mod shape;

#[cfg(test)]
mod tests;

pub(crate) use job::Job;
pub(crate) use pick::{Merge, Move, Pick, due, full, idle};
pub(crate) use reclaim::{Moving, Reclaim, ReclaimJob, Thrift, Written, crowded, reclaim, worn};
pub(crate) use shape::{LeveledConfig, RUN_LIMIT};
