//! The write-ahead log: acknowledged commits that are not yet in an SST, in append-only segments.
//!
//! ```text
//!   engine --append--> group in memory --write--> segment --sync, outside any lock--> durable
//!                                                    |
//!                               rotate_next: the next segment      replay: commits, oldest first
//! ```
//!
//! 1. One record is one commit. It is replayed whole or not at all, and only after all commits
//!    before it.
//! 2. A record's `synced` field acknowledges the records that were durable when it was written;
//!    damage to those is detected.
//! 3. A recovered segment is appended to only when the log was closed cleanly
//!    ([`LogWriter::reopen`]); otherwise [`LogWriter::resume`] continues in a new file.
//! 4. [`LogWriter::rotate_next`] is the only way to another segment. Segment numbers have no gap.
//! 5. After a failed sync no commit is acknowledged any more: the writer refuses every operation.
//! 6. An obsolete segment may be recycled as a later one. Records of an earlier generation of a
//!    file are never valid.
//! 7. In an encrypted log a place is sealed once: a recovered segment is never appended to, and
//!    nothing follows a write that failed, not even an end record.
//!
//! It does not know what a key is, takes no lock, starts no thread, and never removes a segment:
//! the manifest decides when one is obsolete.

mod current_segment;
mod dump;
mod follow;
mod format;
mod fuzz;
#[cfg(feature = "parts")]
mod measure;
mod records;
mod replay;
mod salvage;
mod segment;
mod tail;
mod tail_check;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use dump::dump;
pub(crate) use follow::{FollowStep, LogFollower};
pub(crate) use format::{ALIGNMENT, MAX_PAYLOAD_SIZE, aligned, seal_record};
pub use fuzz::fuzz;
#[cfg(feature = "parts")]
pub use measure::MeasuredLog;
pub(crate) use replay::{DurableBounds, Replayed, replay};
pub(crate) use salvage::{oldest_seqno, salvage};
pub(crate) use tail_check::TailFault;
pub(crate) use writer::{LogConfig, LogSize, LogWriter, SyncPoint};

use crate::base::SeqNo;

/// A commit as the log stores it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Commit<'a> {
    /// The sequence number of the first entry.
    pub(crate) seq_start: SeqNo,
    /// The number of entries, which is the number of sequence numbers.
    pub(crate) count: u32,
    pub(crate) payload: &'a [u8],
}
