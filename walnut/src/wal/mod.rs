//! The write-ahead log: what was promised before it reached an SST, in segments that are only ever added to.
//!
//! ```text
//!   engine --append--> group in memory --write--> segment --sync, outside any lock--> durable
//!                                                    |
//!                               rotate_next: the next segment          replay: commits, oldest first
//! ```
//!
//! 1. One record is one commit. It is replayed whole or not at all, and only after all commits before it.
//! 2. Records that were durable when a later record was written are promised by that one; damage to them is found.
//! 3. A segment that was read by a recovery is added to only when the log was closed in order ([`LogWriter::reopen`]);
//!    [`LogWriter::resume`] goes on in a new file.
//! 4. [`LogWriter::rotate_next`] is the only way to another segment. Numbers follow each other without a gap.
//! 5. After a failed sync nothing is promised any more: the writer refuses everything.
//!
//! 6. An obsolete segment may become a later one. Records of an earlier life of a file are never valid.
//!
//! It does not know what a key is, takes no lock, starts no thread, and never removes a segment: when one is obsolete
//! is decided by the manifest.

mod current_segment;
mod format;
mod fuzz;
#[cfg(feature = "parts")]
mod measure;
mod records;
mod replay;
mod segment;
mod tail;
mod tail_check;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use format::{ALIGNMENT, MAX_PAYLOAD_SIZE, aligned, record_seed, seal_record};
pub use fuzz::fuzz;
#[cfg(feature = "parts")]
pub use measure::MeasuredLog;
pub(crate) use replay::{DurableBounds, Replayed, replay};
pub(crate) use segment::LogDir;
pub(crate) use tail_check::TailFault;
pub(crate) use writer::{LogConfig, LogSize, LogWriter, SyncPoint};

use crate::base::SeqNo;

/// The bytes of one commit, as the log sees them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Commit<'a> {
    /// The sequence number of the first entry.
    pub(crate) seq_start: SeqNo,
    /// How many entries, and so sequence numbers, there are.
    pub(crate) count: u32,
    pub(crate) payload: &'a [u8],
}
