//! The thread that flushes while readers and writers go on, or the absence of it.

use std::time::Duration;

use super::{Core, Engine};
use crate::error::{Error, Result};
use crate::sync::{Arc, Ordering};

/// How long the thread waits before it tries again what failed.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Who does the work that no caller waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Background {
    /// A thread of the database's own.
    #[default]
    Thread,
    /// Nobody, until a writer has no more room or `checkpoint` is called: the same calls then always do the same
    /// file operations in the same order, which is what tests want.
    Manual,
}

/// What the thread is told.
#[derive(Debug, Default)]
pub(super) struct Worker {
    thread: Option<std::thread::JoinHandle<()>>,
    has_work: bool,
    stop: bool,
}

impl Engine {
    /// Starts the thread, if there is to be one.
    pub(super) fn start_worker(&self) -> Result<()> {
        if self.config.background == Background::Manual {
            return Ok(());
        }
        let core = Arc::clone(&self.core);
        let thread = std::thread::Builder::new()
            .name("walnut-flush".to_owned())
            .spawn(move || core.work())
            .map_err(|error| Error::io("start the flush thread of", &self.dir, error))?;
        self.worker.lock().thread = Some(thread);
        Ok(())
    }

    /// Has the thread finish what it is at, and waits for it.
    pub(super) fn stop_worker(&self) {
        let thread = {
            let mut worker = self.worker.lock();
            worker.stop = true;
            worker.thread.take()
        };
        self.worker_wakes.notify_all();
        if let Some(thread) = thread {
            // It returns nothing, and a panic in it has been reported on its own.
            let _ = thread.join();
        }
    }
}

impl Core {
    /// Tells the thread that there is something to flush.
    pub(super) fn wake_worker(&self) {
        self.worker.lock().has_work = true;
        self.worker_wakes.notify_all();
    }

    /// The life of the thread.
    fn work(&self) {
        while self.wait_for_work() {
            if self.flush_all_frozen().is_err() {
                self.flush_failures.fetch_add(1, Ordering::Relaxed);
                self.wait_to_retry();
            }
        }
    }

    fn flush_all_frozen(&self) -> Result<()> {
        while self.flush_one()? {}
        Ok(())
    }

    /// Returns `true` when there is work, `false` when it is time to stop.
    fn wait_for_work(&self) -> bool {
        let mut worker = self.worker.lock();
        while !worker.has_work && !worker.stop {
            worker = self.worker_wakes.wait(worker);
        }
        worker.has_work = false;
        !worker.stop
    }

    fn wait_to_retry(&self) {
        let mut worker = self.worker.lock();
        if !worker.stop {
            worker = self.worker_wakes.wait_for(worker, RETRY_AFTER);
        }
        worker.has_work = true;
    }
}
