//! The write batch: the operations of one commit, encoded as the WAL stores them.
//!
//! ```text
//!  put(k, v) ----------.
//!  add(k, n) ----------+
//!  delete(k) ----------+--> WriteBatch --payload--> WAL record --payload--> Entries --> memtable
//!  delete_range(a, b) -'
//! ```
//!
//! 1. Entries keep their insertion order; entry `i` of a commit has the sequence number
//!    `seq_start + i`.
//! 2. The encoding is described in `format` and nowhere else; a batch is encoded once, outside any
//!    lock.
//! 3. [`decode`] reads hostile bytes: it passes every entry on or returns a fault, and allocates
//!    nothing.
//!
//! It does not know what a key means, where a commit is written, or whether it may be.

mod entries;
mod format;
mod fuzz;
mod write_batch;

pub(crate) use entries::decode;
pub(crate) use format::BatchEntry;
pub use fuzz::fuzz;
pub(crate) use write_batch::{EntryBatch, MAX_RANGE_COUNT};
