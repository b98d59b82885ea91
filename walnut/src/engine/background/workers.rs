//! The worker threads of an engine, and the calls that wake them.

use std::path::Path;
use std::time::Duration;

use crate::crypt::DataKeys;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex};

/// How long a thread waits before it tries again what failed; each further failure in a row doubles
/// it, up to a limit.
const RETRY_AFTER: Duration = Duration::from_millis(200);
const MAX_RETRY_DOUBLINGS: u32 = 7;

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

/// Both threads of an engine.
#[derive(Debug)]
pub(in crate::engine) struct Workers {
    mode: Background,
    pub(in crate::engine) flusher: Worker,
    pub(in crate::engine) compactor: Worker,
}

impl Workers {
    pub(in crate::engine) fn new(mode: Background) -> Self {
        Self { mode, flusher: Worker::default(), compactor: Worker::default() }
    }

    /// Whether the engine has no threads of its own.
    pub(in crate::engine) fn is_manual(&self) -> bool {
        self.mode == Background::Manual
    }

    /// Lets the threads finish their jobs, and waits for them.
    pub(in crate::engine) fn stop(&self) {
        self.flusher.stop();
        self.compactor.stop();
    }
}

/// A thread that waits for calls.
#[derive(Debug, Default)]
pub(in crate::engine) struct Worker {
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
pub(in crate::engine) enum WorkerCall {
    Work,
    /// No call came for a while.
    Idle,
    Stop,
}

impl Worker {
    /// Tells the thread that there may be work.
    pub(in crate::engine) fn wake(&self) {
        // A thread that was woken and has not looked yet need not be woken again.
        if !std::mem::replace(&mut self.orders.lock().has_work, true) {
            self.wakes.notify_all();
        }
    }

    pub(in crate::engine) fn start(
        &self,
        name: &str,
        dir: &Path,
        keys: DataKeys,
        life: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let life = move || {
            life();
            keys.clear_stack();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(life);
        self.orders.lock().thread =
            Some(thread.map_err(|error| Error::io("start a background thread of", dir, error))?);
        Ok(())
    }

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

    /// Waits for a call, up to `limit` if there is one.
    pub(in crate::engine) fn wait(&self, limit: Option<Duration>) -> WorkerCall {
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

    /// Waits before a retry of work that failed `failures` times in a row.
    pub(in crate::engine) fn wait_to_retry(&self, failures: u32) {
        let doublings = failures.saturating_sub(1).min(MAX_RETRY_DOUBLINGS);
        let mut orders = self.orders.lock();
        if !orders.stop {
            orders = self.wakes.wait_for(orders, RETRY_AFTER * (1 << doublings));
        }
        orders.has_work = true;
    }
}
