//! Compaction: writes memtables to SSTs, merges these into deeper levels, and forgets what nobody can read.
//!
//! ```text
//!   Version --pick--> Nothing | Move | Merge --job--> new SSTs --> the caller swaps them for the inputs, in one edit
//! ```
//!
//! - `strategy` decides, which is `leveled`, `tiered` or `universal`: pure functions of a version. They read no clock, take no
//!   lock and touch no disk. `pick` is what they decide, `shape` and `runs` how they look at a version.
//! - `covered` finds the files that go unread, because a range tombstone hides all of them.
//! - `job` carries a merge out, and `flush` writes a memtable; `sieve` is what the two share, `outputs` writes the SSTs and `cuts`
//!   says where one ends and the next begins.
//! - `reclaim` does both for the value log: what is live in a worn value file moves to a new one.
//! - `thin` takes out of one file what newer runs hide, where there is no room for a merge.
//!
//! 1. Of one key, what comes first in the order of runs is newer: a merge takes neighbours in that order, and everything
//!    between them that shares a key; its output stands where the oldest of them stood, or deeper where nothing is in the way.
//! 2. The versions of a key, and the range tombstones over it, are never divided between two files of a level: where a file
//!    ends, a range tombstone is cut in two.
//! 3. What is dropped, `mvcc` says; that nothing older lies below is asked of the key ranges of the runs below the output,
//!    never of file numbers.
//! 4. A job that fails, meets damage or is stopped leaves its inputs as they are, and no files of its own.
//! 5. Picks come to an end: each moves entries down, or takes entries away.
//!
//! It does not know when it runs, who reads meanwhile, and how the version is changed.

mod flush;
mod fold;
mod fully_deleted;
mod garbage_filter;
mod job;
mod level_sizes;
mod leveled;
mod older_runs;
mod output_files;
mod output_splitter;
mod pick;
mod runs;
mod strategy;
mod thin;
mod tiered;
mod universal;
mod value_gc;

#[cfg(test)]
mod tests;

pub(crate) use flush::Flushing;
pub(crate) use fully_deleted::{RunRanges, covered};
pub(crate) use job::MergeJob;
pub(crate) use level_sizes::LeveledConfig;
pub(crate) use pick::{Merge, Move, Pick, full};
pub use strategy::Compaction;
pub(crate) use thin::{ThinJob, Thinning, thinnings};
pub(crate) use value_gc::{
    GcMode, GcOutput, Relocation, ValueGc, ValueGcJob, gc_candidates, reclaim, small_files,
};
