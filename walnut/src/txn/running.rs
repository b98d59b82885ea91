//! The attempts that run on this thread, and what was committed beside them by the same thread.
//!
//! ```text
//!   transact ── enter ── body ── leave ── commit
//!                          └── a commit through another handle: noted with every attempt that runs around it
//! ```
//!
//! An attempt that has read a key which its own body changes beside it loses each time it is
//! repeated. So its commit asks, before it asks the engine, whether what was read meets what was
//! noted here.
//!
//! Other threads have lists of their own: what they commit is a conflict like any other, and ends
//! when they do.

use std::cell::RefCell;

use super::attempt::Attempt;
use super::notes::Notes;
use crate::batch::EntryBatch;
use crate::error::Result;
use crate::sync::{Arc, thread_local};

thread_local! {
    /// Innermost last.
    static RUNNING: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// An attempt that runs.
struct Entry {
    /// Where its store is; the attempt keeps it there.
    place: usize,
    /// Tells the attempt from others.
    notes: Arc<Notes>,
    /// The keys and ranges that were written beside it; values are left out.
    beside: EntryBatch,
}

/// The time in which the body of an attempt runs.
pub(super) struct Running;

impl Running {
    /// Begins it.
    pub(super) fn enter(attempt: &Attempt) -> Self {
        let (place, notes) = attempt.identity();
        let entry = Entry { place, notes: Arc::clone(notes), beside: EntryBatch::new() };
        RUNNING.with(|running| running.borrow_mut().push(entry));
        Self
    }

    /// Ends it, and returns what this thread has committed meanwhile through other handles.
    pub(super) fn leave(self) -> EntryBatch {
        let entry = RUNNING.with(|running| running.borrow_mut().pop());
        std::mem::forget(self);
        entry.map_or_else(EntryBatch::new, |entry| entry.beside)
    }
}

impl Drop for Running {
    /// The body has panicked.
    fn drop(&mut self) {
        RUNNING.with(|running| running.borrow_mut().pop());
    }
}

/// Runs `commit` on a batch, and notes what it has written with all attempts on the same store that
/// run around it. `own` are the notes of the attempt that is committed.
pub(crate) fn commit_beside(
    place: usize,
    own: Option<&Arc<Notes>>,
    batch: EntryBatch,
    commit: impl FnOnce(EntryBatch) -> Result<()>,
) -> Result<()> {
    let is_around =
        |entry: &Entry| entry.place == place && own.is_none_or(|own| !Arc::ptr_eq(&entry.notes, own));
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
        for entry in running.borrow_mut().iter_mut().filter(|entry| is_around(entry)) {
            entry.beside.append(&written);
        }
    });
    Ok(())
}
