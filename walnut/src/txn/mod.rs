//! Optimistic transactions over the engine: reads of one snapshot, a write buffer over it, and a
//! commit that is atomic or fails.
//!
//! ```text
//!   run_with_retries ── until one attempt commits       RetryQueue: those that lost go in turn, after several times one by one
//!                                                       UniqueReservations: transactions for one unique value wait
//!     Txn ── a pinned snapshot ── ReadTracker: the read set ── TxnBuffers: the writes over the snapshot
//!       EntryReader, EntryScan ── the snapshot merged with the writes
//! ```
//!
//! 1. All reads of a transaction see one snapshot, at the log's end when it began, merged with its
//!    own writes.
//! 2. A read is in the read set before its result is returned, also when the statement that read it
//!    fails.
//! 3. A commit succeeds only if nothing in its read set has changed. A transaction without writes
//!    always succeeds.
//! 4. A transaction never conflicts with itself again and again: see `running`.
//! 5. A statement that fails leaves the writes as they were.
//!
//! This layer does not know tables or indexes. A unique value is a key that can be reserved early.

mod base_scan;
mod buffers;
mod merged_scan;
mod optimistic;
mod read_tracker;
mod reader;
mod reads;
mod remote;
mod reservations;
mod retry;
mod running;
mod scan;
mod storage;
mod write_buffer;

pub use buffers::Savepoint;
pub(crate) use optimistic::Txn;
#[cfg(feature = "untracked")]
pub use read_tracker::leave_conflicts_unnoticed;
pub(crate) use reader::EntryReader;
pub(crate) use reads::EngineReads;
pub(crate) use remote::{RemoteReader, commit_remotely};
pub(crate) use reservations::UniqueReservations;
pub(crate) use retry::{RetryQueue, run_with_retries};
pub(crate) use running::commit_and_record;
pub(crate) use scan::{EntryScan, ScanState};
pub(crate) use storage::Storage;
pub(crate) use write_buffer::CounterKey;
