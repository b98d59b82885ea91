//! The threads that flush and compact while readers and writers go on, or the absence of them.

use std::time::Duration;

use super::{Core, Engine, trace};
use crate::base::SeqNo;
use crate::env::prefer_other_threads;
use crate::error::{Error, Result};
use crate::sync::{Arc, Condvar, Mutex, Ordering};

/// How long a thread waits before it tries again what failed; each further failure in a row doubles
/// it, up to a limit.
const RETRY_AFTER: Duration = Duration::from_millis(200);
const MAX_RETRY_DOUBLINGS: u32 = 7;

/// How long nothing must have been flushed before compaction does what is not due.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// How long nothing must have been made durable before the manifest is told how far the log is.
const NOTE_AFTER: Duration = Duration::from_millis(500);

/// By how much others are preferred to the thread that flushes, and to the one that compacts: to a
/// third and a tenth of what a writer gets. Writers come to wait for flushes when they are too fast
/// for them, and for merges later.
const FLUSH_NICENESS: i32 = 5;
const COMPACT_NICENESS: i32 = 10;

/// Which thread runs flushes and compactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Background {
    /// Two threads of the database's own: one flushes, and syncs the log and begins its segments
    /// meanwhile; one compacts.
    #[default]
    Thread,
    /// No thread, until a writer has no more room, or `checkpoint` or
    /// [`step`](crate::Database::step) is called: the same calls always do the same file operations
    /// in the same order, which is what tests want.
    Manual,
}

/// A thread, and what it is told.
#[derive(Debug, Default)]
pub(super) struct Worker {
    orders: Mutex<Orders>,
    wakes: Condvar,
}

#[derive(Debug, Default)]
struct Orders {
    thread: Option<std::thread::JoinHandle<()>>,
    has_work: bool,
    stop: bool,
}

/// Why a thread was woken.
enum WorkerCall {
    Work,
    /// No call came for a while.
    Idle,
    Stop,
}

impl Worker {
    /// Tells the thread that there may be something to do.
    pub(super) fn wake(&self) {
        // A thread that was woken and has not looked yet need not be woken again.
        if !std::mem::replace(&mut self.orders.lock().has_work, true) {
            self.wakes.notify_all();
        }
    }

    fn start(&self, name: &str, core: &Core, life: impl FnOnce() + Send + 'static) -> Result<()> {
        let (dir, keys) = (&core.dir, core.sst_store.keys.clone());
        let life = move || {
            life();
            keys.clear_stack();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(life);
        self.orders.lock().thread =
            Some(thread.map_err(|error| Error::io("start a background thread of", dir, error))?);
        Ok(())
    }

    /// Has the thread finish what it is at, and waits for it.
    fn stop(&self) {
        let thread = {
            let mut orders = self.orders.lock();
            orders.stop = true;
            orders.thread.take()
        };
        self.wakes.notify_all();
        if let Some(thread) = thread {
            // It returns nothing, and a panic in it has been reported on its own.
            let _ = thread.join();
        }
    }

    /// Waits for a call, for ever or until the limit.
    fn wait(&self, limit: Option<Duration>) -> WorkerCall {
        let mut orders = self.orders.lock();
        let mut waited = false;
        while !orders.has_work && !orders.stop {
            match limit {
                Some(_) if waited => return WorkerCall::Idle,
                Some(limit) => orders = self.wakes.wait_for(orders, limit),
                None => orders = self.wakes.wait(orders),
            }
            waited = true;
        }
        orders.has_work = false;
        if orders.stop { WorkerCall::Stop } else { WorkerCall::Work }
    }

    /// Waits before something is tried again that failed so many times in a row.
    fn wait_to_retry(&self, failures: u32) {
        let doublings = failures.saturating_sub(1).min(MAX_RETRY_DOUBLINGS);
        let mut orders = self.orders.lock();
        if !orders.stop {
            orders = self.wakes.wait_for(orders, RETRY_AFTER * (1 << doublings));
        }
        orders.has_work = true;
    }
}

impl Engine {
    /// Starts the threads, if there are to be any.
    pub(super) fn start_workers(&self) -> Result<()> {
        if self.config.background == Background::Manual {
            return Ok(());
        }
        let core = Arc::downgrade(&self.core);
        self.sst_store.cache.when_low(move || {
            if let Some(core) = core.upgrade() {
                core.flusher.wake();
            }
        });
        let core = Arc::clone(&self.core);
        self.flusher.start("walnut-flush", self, move || core.run_flush_thread())?;
        let core = Arc::clone(&self.core);
        self.compactor.start("walnut-compact", self, move || core.run_compaction_thread())
    }

    /// Has the threads finish what they are at, and waits for them.
    pub(super) fn stop_workers(&self) {
        self.flusher.stop();
        self.compactor.stop();
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
            match self.flusher.wait(self.is_note_due().then_some(NOTE_AFTER)) {
                WorkerCall::Stop => return,
                WorkerCall::Idle => self.note_durable_when_idle(&mut noticed),
                WorkerCall::Work => {
                    self.run_maintenance();
                    if let Err(error) = self.flush_all_frozen() {
                        trace::failed("flush", &error);
                        self.flush_failures.fetch_add(1, Ordering::Relaxed);
                        self.flusher.wait_to_retry(1);
                    }
                }
            }
        }
    }

    /// Has the manifest say how far the log is durable, if it was that far the last time already.
    /// One that fails is tried again when more is durable: it was no more than a help.
    fn note_durable_when_idle(&self, noticed: &mut SeqNo) {
        if std::mem::replace(noticed, self.durable()) == self.durable()
            && let Err(error) = self.note_durable()
        {
            trace::failed("note of the end of the log", &error);
        }
    }

    fn flush_all_frozen(&self) -> Result<()> {
        while self.flush_one()? {}
        Ok(())
    }

    /// The compaction thread. When it is idle it looks again from time to time as long as there is
    /// something dead, because no call comes when its last reader goes; and flushes what was
    /// deleted in a quiet moment.
    fn run_compaction_thread(&self) {
        prefer_other_threads(COMPACT_NICENESS);
        let mut failures = 0;
        let mut limit = Some(IDLE_AFTER);
        loop {
            let done = match self.compactor.wait(limit) {
                WorkerCall::Stop => return,
                WorkerCall::Work => self.compact_due(),
                WorkerCall::Idle => self.compact_idle() && self.free_space_when_idle(),
            };
            failures = if done { 0 } else { failures + 1 };
            if !done {
                self.compactor.wait_to_retry(failures);
            }
            limit = (self.has_waste() || self.deletions.any()).then_some(IDLE_AFTER);
        }
    }

    /// Flushes what was deleted if that is worth it; returns whether all went well.
    fn free_space_when_idle(&self) -> bool {
        let flushed = self.flush_deletions_when_idle();
        if let Err(error) = &flushed {
            trace::failed("flush", error);
            self.flush_failures.fetch_add(1, Ordering::Relaxed);
        }
        flushed.is_ok()
    }
}
