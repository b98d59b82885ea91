//! The threads that flush and compact while readers and writers go on, or the absence of them.

pub(super) mod compact;
pub(super) mod dead_scan;
pub(super) mod deletions;
pub(super) mod flush;
pub(super) mod merge_hints;
pub(super) mod progress;
pub(super) mod reserve;
pub(super) mod thin;
pub(super) mod throttle;
pub(super) mod workers;

use std::time::Duration;

use crate::base::SeqNo;
use crate::engine::background::workers::WorkerCall;
use crate::engine::{Core, Engine, trace};
use crate::env::prefer_other_threads;
use crate::error::{Error, Result};
use crate::sync::{Arc, Ordering};

/// How long nothing must have been flushed before compaction does what is not due.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// How long nothing must have been made durable before the manifest is told how far the log is.
const NOTE_AFTER: Duration = Duration::from_millis(500);

/// By how much others are preferred to the thread that flushes, and to the one that compacts: to a
/// third and a tenth of what a writer gets. Writers come to wait for flushes when they are too fast
/// for them, and for merges later.
const FLUSH_NICENESS: i32 = 5;
const COMPACT_NICENESS: i32 = 10;

impl Engine {
    /// Starts the threads, if there are to be any.
    pub(in crate::engine) fn start_workers(&self) -> Result<()> {
        if self.workers.is_manual() {
            return Ok(());
        }
        let core = Arc::downgrade(&self.core);
        self.sst_store.cache.when_low(move || {
            if let Some(core) = core.upgrade() {
                core.workers.flusher.wake();
            }
        });
        let keys = self.sst_store.dir.keys.clone();
        let core = Arc::clone(&self.core);
        self.workers
            .flusher
            .start("walnut-flush", &self.dir, keys.clone(), move || core.run_flush_thread())?;
        let core = Arc::clone(&self.core);
        self.workers.compactor.start("walnut-compact", &self.dir, keys, move || core.run_compaction_thread())
    }
}

impl Core {
    /// The flush thread: flushes, and between and within flushes the maintenance that would stall a
    /// reader or writer.
    fn run_flush_thread(&self) {
        prefer_other_threads(FLUSH_NICENESS);
        let mut noticed = SeqNo::ZERO;
        loop {
            // While there is nothing to note, the thread does not wake up for it.
            match self.workers.flusher.wait(self.commits.is_note_due().then_some(NOTE_AFTER)) {
                WorkerCall::Stop => return,
                WorkerCall::Idle => self.note_durable_when_idle(&mut noticed),
                WorkerCall::Work => {
                    self.run_maintenance();
                    if let Err(error) = self.flush_all_frozen() {
                        self.note_flush_failure(&error);
                        self.workers.flusher.wait_to_retry(1);
                    }
                }
            }
        }
    }

    /// Has the manifest say how far the log is durable, if it was that far the last time already.
    /// One that fails is tried again when more is durable: it was no more than a help.
    fn note_durable_when_idle(&self, noticed: &mut SeqNo) {
        if std::mem::replace(noticed, self.commits.seqnos.durable()) == self.commits.seqnos.durable()
            && let Err(error) = self.commits.note_durable()
        {
            trace::failed("note of the end of the log", &error);
        }
    }

    fn flush_all_frozen(&self) -> Result<()> {
        while self.flush_one()? {}
        Ok(())
    }

    /// Counts and traces a failed flush that is tried again later.
    pub(in crate::engine) fn note_flush_failure(&self, error: &Error) {
        trace::failed("flush", error);
        self.flush_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The compaction thread. When it is idle it looks again from time to time as long as there is
    /// something dead, because no call comes when its last reader goes; and flushes what was
    /// deleted in a quiet moment.
    fn run_compaction_thread(&self) {
        prefer_other_threads(COMPACT_NICENESS);
        let mut failures = 0;
        let mut limit = Some(IDLE_AFTER);
        loop {
            let done = match self.workers.compactor.wait(limit) {
                WorkerCall::Stop => return,
                WorkerCall::Work => self.compact_due(),
                WorkerCall::Idle => self.compact_idle() && self.free_space_when_idle(),
            };
            failures = if done { 0 } else { failures + 1 };
            if !done {
                self.workers.compactor.wait_to_retry(failures);
            }
            limit = (self.has_waste() || self.deletions.any()).then_some(IDLE_AFTER);
        }
    }

    /// Flushes what was deleted if that is worth it; returns whether all went well.
    fn free_space_when_idle(&self) -> bool {
        let flushed = self.flush_deletions_when_idle();
        if let Err(error) = &flushed {
            self.note_flush_failure(error);
        }
        flushed.is_ok()
    }
}
