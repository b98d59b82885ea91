//! Compaction: flushes memtables to SSTs, merges SSTs into deeper levels, and drops entries that no
//! reader can see.
//!
//! ```text
//!   Version --pick--> Nothing | Move | Merge | Full --job--> new SSTs --> the caller swaps them for
//!                                                                        the inputs, in one edit
//! ```
//!
//! - `strategy` picks the next compaction by one of the strategies `leveled`, `tiered` and
//!   `universal`: pure functions of a version that read no clock, take no lock and touch no disk.
//!   `pick` is their result; `level_sizes` and `runs` are the two views of a version that they
//!   decide on.
//! - `fully_deleted` finds the files that range tombstones hide completely, and that can be removed
//!   unread.
//! - `job` runs a merge, and `flush` writes a memtable. Both share `garbage_filter`, which drops
//!   entries and folds adds, and `output_files`, which writes the SSTs and decides where each ends.
//! - `untouched` leaves files out of a merge that would be written again as they are.
//! - `value_gc` is the garbage collection of the value log: it picks value files that are mostly
//!   dead and moves their live values to new files.
//! - `thin` removes from one file what newer runs hide, when there is no disk space for a merge.
//!
//! 1. In the order of the runs, the newer version of a key comes first. A merge therefore takes
//!    neighbours in that order, and everything between them that shares a key; its output goes to
//!    the level of its oldest input, or deeper when nothing is in the way.
//! 2. The versions of a key, and the range tombstones over it, are never split between two files of
//!    a level: a range tombstone is cut where a file ends.
//! 3. `mvcc` decides which entries can be dropped. Whether older versions exist below the output is
//!    decided by the key ranges of the runs there, never by file numbers.
//! 4. A job that fails, finds damage or is stopped leaves its inputs unchanged and no output files.
//! 5. Compaction terminates: each pick moves entries down or removes entries.
//!
//! This module does not decide when compaction runs, does not know the readers, and does not change
//! the version.

mod flush;
mod fully_deleted;
mod garbage_filter;
mod job;
mod level_sizes;
mod leveled;
mod older_runs;
mod output_files;
mod pick;
mod runs;
mod strategy;
mod thin;
mod tiered;
mod universal;
mod untouched;
mod value_gc;

#[cfg(test)]
mod tests;

pub(crate) use flush::Flushing;
pub(crate) use fully_deleted::{RunRanges, fully_deleted};
pub(crate) use job::MergeJob;
pub(crate) use level_sizes::LeveledConfig;
pub(crate) use pick::{Merge, Move, Pick, full};
pub use strategy::Compaction;
pub(crate) use thin::{ThinJob, Thinning, thinnings};
pub(crate) use untouched::leave_out_untouched;
pub(crate) use value_gc::{
    GcMode, GcOutput, Relocation, ValueGc, ValueGcJob, gc_candidates, pick_value_gc, small_files,
};
