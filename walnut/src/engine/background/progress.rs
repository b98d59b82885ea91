//! The progress of flushes and compactions, and the threads that wait for it.

use std::time::Duration;

use crate::sync::{Condvar, Mutex};

/// What flushing and compaction have done since the database was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Progress {
    pub(in crate::engine) flush_count: u64,
    pub(in crate::engine) flush_written_size: u64,
    pub(in crate::engine) merge_count: u64,
    pub(in crate::engine) move_count: u64,
    pub(in crate::engine) drop_count: u64,
    pub(in crate::engine) read_size: u64,
    pub(in crate::engine) written_size: u64,
    pub(in crate::engine) failure_count: u64,
    /// Whether the last try failed, so that no writer should wait for the next.
    pub(in crate::engine) is_failing: bool,
}

/// The progress, and the threads that wait for it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Compactions {
    progress: Mutex<Progress>,
    advanced: Condvar,
}

impl Compactions {
    pub(in crate::engine) fn progress(&self) -> Progress {
        *self.progress.lock()
    }

    /// Waits until something was done, and no longer than `limit`.
    pub(in crate::engine) fn wait(&self, limit: Duration) {
        drop(self.advanced.wait_for(self.progress.lock(), limit));
    }

    pub(in crate::engine) fn wake_all(&self) {
        self.advanced.notify_all();
    }

    /// Counts a flush that wrote files of this length.
    pub(in crate::engine) fn note_flush(&self, written: u64) {
        self.note(|progress| {
            progress.flush_count += 1;
            progress.flush_written_size += written;
        });
    }

    pub(in crate::engine) fn note(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock());
        self.advanced.notify_all();
    }
}
