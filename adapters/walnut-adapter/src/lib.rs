//! A runtime on a thread of its own, for adapters over asynchronous clients.
//!
//! ```text
//!   a thread of the caller                 the runtime's thread
//!   run(future, deadline) ── spawn ──►     polls it, and all others, and their sockets
//!      blocks until the answer  ◄── channel ──
//! ```
//!
//! The caller's thread blocks on a channel and never on a runtime, so a call works from any thread,
//! also from within another runtime. Work goes on when the caller's wait is over: a deadline ends
//! the future itself.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A single-threaded tokio runtime and the thread that drives it. The thread ends when this is
/// dropped, and takes all unfinished work with it.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    /// Dropped to end the thread.
    _stop: oneshot::Sender<()>,
}

/// Why there is no output of a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It was still at work at the deadline, and was dropped.
    Late,
    /// It panicked, or the runtime's thread is gone.
    Lost,
}

impl Runtime {
    /// Starts a thread named `name` with a runtime in it.
    pub fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nothing is ever sent: the receiver wakes when the sender is dropped.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs `future` on the runtime's thread, and blocks until it is done or `deadline` has passed.
    pub fn run<T: Send + 'static>(
        &self,
        deadline: Duration,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let output = tokio::time::timeout(deadline, future).await;
            // The caller may be gone, with its thread.
            let _ = sender.send(output.map_err(|_| Unfinished::Late));
        });
        receiver.recv().unwrap_or(Err(Unfinished::Lost))
    }

    /// Runs `future` on the runtime's thread, and does not wait for it.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }

    /// Enters the runtime's context, which constructors of some clients ask for.
    pub fn enter<T>(&self, build: impl FnOnce() -> T) -> T {
        let _context = self.handle.enter();
        build()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::{Runtime, Unfinished};

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn runs_and_waits_from_within_another_runtime() {
        let outer = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let inner = Runtime::start("inner").expect("a thread");
        assert_eq!(outer.block_on(async { inner.run(LONG, async { 7 }) }), Ok(7));
        outer.block_on(async move { drop(inner) });
    }

    #[test]
    fn a_deadline_ends_the_future_and_frees_what_it_held() {
        let runtime = Runtime::start("late").expect("a thread");
        let held = std::sync::Arc::new(());
        let inside = held.clone();
        let outcome = runtime.run(Duration::from_millis(1), async move {
            pending::<()>().await;
            drop(inside);
        });
        assert_eq!(outcome, Err(Unfinished::Late));
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_panic_is_an_answer() {
        let runtime = Runtime::start("panics").expect("a thread");
        let outcome = runtime.run(LONG, async {
            assert!(pending_is_false(), "on purpose");
        });
        assert_eq!(outcome, Err(Unfinished::Lost));
        assert_eq!(runtime.run(LONG, async { 1 }), Ok(1), "the thread goes on");
    }

    fn pending_is_false() -> bool {
        false
    }
}
