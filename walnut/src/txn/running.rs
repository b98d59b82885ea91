//! The transactions that run on this thread, and the nested writes of the same thread.
//!
//! ```text
//!   run_with_retries ── enter ── body ── leave ── commit
//!                                  └── a commit through another handle: recorded with every transaction around it
//! ```
//!
//! A transaction whose own body changes a key that it has read, through another handle, would
//! conflict at every attempt. So its commit compares the read set with the nested writes before it
//! reaches the engine.
//!
//! Other threads have lists of their own: their commits are conflicts like any other, and end when
//! they do.

use std::cell::RefCell;

use super::read_tracker::ReadTracker;
use crate::batch::EntryBatch;
use crate::error::Result;
use crate::sync::{Arc, thread_local};

thread_local! {
    /// Innermost last.
    static RUNNING: RefCell<Vec<RunningTxn>> = const { RefCell::new(Vec::new()) };
}

struct RunningTxn {
    /// The storage's address; the transaction keeps it valid.
    storage: usize,
    /// Identifies the transaction.
    reads: Arc<ReadTracker>,
    /// Keys and ranges that were written through other handles, without values.
    nested_writes: EntryBatch,
}

/// Runs while the body of a transaction does.
pub(super) struct RunningGuard;

impl RunningGuard {
    pub(super) fn enter((storage, reads): (usize, &Arc<ReadTracker>)) -> Self {
        let running_txn = RunningTxn { storage, reads: Arc::clone(reads), nested_writes: EntryBatch::new() };
        RUNNING.with(|running| running.borrow_mut().push(running_txn));
        Self
    }

    /// Returns what this thread has committed meanwhile through other handles.
    pub(super) fn leave(self) -> EntryBatch {
        let running_txn = RUNNING.with(|running| running.borrow_mut().pop());
        std::mem::forget(self);
        running_txn.map_or_else(EntryBatch::new, |running_txn| running_txn.nested_writes)
    }
}

impl Drop for RunningGuard {
    /// The body has panicked.
    fn drop(&mut self) {
        RUNNING.with(|running| running.borrow_mut().pop());
    }
}

/// Runs `commit` on a batch, and records its keys with all transactions on the same storage that
/// run around it. `own` is the read set of the committing transaction.
pub(crate) fn commit_and_record(
    storage: usize,
    own: Option<&Arc<ReadTracker>>,
    batch: EntryBatch,
    commit: impl FnOnce(EntryBatch) -> Result<()>,
) -> Result<()> {
    let is_around = |running_txn: &RunningTxn| {
        running_txn.storage == storage && own.is_none_or(|own| !Arc::ptr_eq(&running_txn.reads, own))
    };
    if !RUNNING.with(|running| running.borrow().iter().any(is_around)) {
        return commit(batch);
    }
    let mut written = EntryBatch::new();
    for (kind, key, end) in batch.iter() {
        if kind.is_point() {
            written.delete(key);
        } else {
            written.delete_range(key, end);
        }
    }
    commit(batch)?;
    RUNNING.with(|running| {
        for running_txn in running.borrow_mut().iter_mut().filter(|running_txn| is_around(running_txn)) {
            running_txn.nested_writes.append(&written);
        }
    });
    Ok(())
}
