//! The queue of the group commit: one of the waiting threads leads and writes the commits of all.
//!
//! ```text
//!   enqueue ──► no leader? ──► lead: write all that wait ──► call the first that came meanwhile
//!               a leader?  ──► wait, until written or called: then look again for a leader
//! ```
//!
//! 1. There is one leader at a time. While there is none, the queue is empty or one of the waiting
//!    threads is called. A thread that comes before that one is awake leads in its place, and
//!    writes its commit with the others: nothing waits for a thread that still has to wake up.
//! 2. Followers spin about 200 iterations, then sleep. A thread that spins all the time uses up its
//!    slice of the processor; with more of them than processors, each waits for the slices of all
//!    others, milliseconds in the middle of a commit.
//! 3. A leader yields the processor after every few entries, when it holds no lock, if a writer
//!    waits, or if other threads write, too, and this process has most of the processors. A thread
//!    that never yields is preempted otherwise, wherever it is (docs/design/commit-pipeline.md).
//! 4. Every waiter is completed: when its completion is dropped, by a panic too, the outcome is
//!    that nothing is known of the commit.

use std::thread::ThreadId;

use super::log::{EngineLog, Position, SharedLog};
use super::read_set::ReadSet;
use crate::base::{SealedBatch, SeqNo};
use crate::engine::health::Health;
use crate::env::ProcessorShare;
use crate::error::{Error, Result};
use crate::sync::{Arc, AtomicBool, Condvar, Mutex, Ordering, yield_now};

/// How often a follower looks at its state before it sleeps: some microseconds. Most groups are
/// written by then, and to be put to sleep and woken takes as long.
const SPINS: usize = 200;

/// After so many entries of the log the leader that wrote the last of them yields: some hundred
/// microseconds of work, where a slice of the processor is some milliseconds.
const YIELD_EVERY: u64 = 16;

/// A commit in the queue. It belongs to the leader that writes its group.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) batch: SealedBatch,
    pub(super) reads: ReadSet,
    /// The number up to which nothing that was read has changed.
    pub(super) validated_up_to: SeqNo,
    /// Whether it may spend the reserve, and so is given back when there is no space.
    pub(super) is_deletion: bool,
    pub(super) completion: Completion,
}

/// A commit that was not written.
#[derive(Debug)]
pub(in crate::engine) struct RefusedCommit {
    pub(in crate::engine) error: Error,
    /// What was to be written and what it rests on, when another try may find space.
    pub(in crate::engine) work: Option<Box<(SealedBatch, ReadSet)>>,
}

impl From<Error> for RefusedCommit {
    fn from(error: Error) -> Self {
        Self { error, work: None }
    }
}

/// A commit in the log.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct CommitPosition {
    pub(in crate::engine) last: SeqNo,
    pub(in crate::engine) end: Position,
}

/// The queue behind its lock.
#[derive(Debug, Default)]
pub(super) struct CommitQueue {
    queue: Mutex<Queue>,
    processors: Mutex<ProcessorShare>,
}

#[derive(Debug, Default)]
struct Queue {
    requests: Vec<Request>,
    has_leader: bool,
    last_leader: Option<ThreadId>,
}

impl Queue {
    /// Returns whether there was no leader.
    fn take_lead(&mut self) -> bool {
        !std::mem::replace(&mut self.has_leader, true)
    }

    /// Takes all requests, and leaves capacity for as many. Returns as well whether threads other
    /// than this one have written in this group or the last.
    fn take(&mut self) -> (Vec<Request>, bool) {
        let this = std::thread::current().id();
        let last = self.last_leader.replace(this);
        let next = Vec::with_capacity(self.requests.len());
        let group = std::mem::replace(&mut self.requests, next);
        let is_contended = group.len() > 1 || last.is_some_and(|last| last != this);
        (group, is_contended)
    }
}

/// A thread that waits for its commit.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    is_woken: AtomicBool,
    state: Mutex<WaiterState>,
    wakeup: Condvar,
}

#[derive(Debug, Default)]
struct WaiterState {
    is_asleep: bool,
    /// Whether there was no leader.
    is_called: bool,
    outcome: Option<Result<CommitPosition, RefusedCommit>>,
}

impl Waiter {
    fn wake(&self, change: impl FnOnce(&mut WaiterState)) {
        let mut state = self.state.lock();
        change(&mut state);
        let is_asleep = state.is_asleep;
        drop(state);
        self.is_woken.store(true, Ordering::Release);
        if is_asleep {
            self.wakeup.notify_one();
        }
    }

    /// Waits until the commit is complete, or until there is no leader: then there is no outcome.
    /// What `check` refuses is not slept for: it returns whether the threads that would wake it
    /// exist.
    fn wait(&self, check: impl FnOnce() -> Result<()>) -> Option<Result<CommitPosition, RefusedCommit>> {
        for _ in 0..SPINS {
            if self.is_woken.load(Ordering::Acquire) {
                break;
            }
            std::hint::spin_loop();
        }
        if !self.is_woken.load(Ordering::Acquire)
            && let Err(error) = check()
        {
            return Some(Err(error.into()));
        }
        let mut state = self.state.lock();
        while !state.is_called && state.outcome.is_none() {
            state.is_asleep = true;
            state = self.wakeup.wait(state);
        }
        state.is_asleep = false;
        state.is_called = false;
        self.is_woken.store(false, Ordering::Relaxed);
        state.outcome.take()
    }
}

/// The outcome that a waiter waits for; there is a waiter until it is complete.
#[derive(Debug)]
pub(super) struct Completion(Option<Arc<Waiter>>);

impl Completion {
    fn new(waiter: &Arc<Waiter>) -> Self {
        Self(Some(Arc::clone(waiter)))
    }

    pub(super) fn complete(mut self, outcome: Result<CommitPosition, RefusedCommit>) {
        self.complete_with(outcome);
    }

    fn complete_with(&mut self, outcome: Result<CommitPosition, RefusedCommit>) {
        if let Some(waiter) = self.0.take() {
            waiter.wake(|state| state.outcome = Some(outcome));
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.complete_with(Err(Error::Poisoned.into()));
    }
}

/// The right to write the next group; dropping it calls the first that waits.
struct LeaderGuard<'a>(&'a Mutex<Queue>);

impl LeaderGuard<'_> {
    /// Ends the lead; returns whether a commit waits.
    fn end(self) -> bool {
        let is_awaited = self.call_next();
        std::mem::forget(self);
        is_awaited
    }

    fn call_next(&self) -> bool {
        let next = {
            let mut queue = self.0.lock();
            queue.has_leader = false;
            queue.requests.first().and_then(|next| next.completion.0.clone())
        };
        // It may be written by another leader by now; then the call means nothing to it.
        if let Some(next) = &next {
            next.wake(|state| state.is_called = true);
        }
        next.is_some()
    }
}

impl Drop for LeaderGuard<'_> {
    fn drop(&mut self) {
        self.call_next();
    }
}

impl CommitQueue {
    /// The number of commits that no leader has taken yet.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queue.lock().requests.len()
    }

    /// Enqueues a commit and returns its outcome. A leader calls `write_group`, which completes
    /// each request of its group and returns their read sets.
    pub(super) fn enqueue(
        &self,
        health: &Health,
        shared_log: &SharedLog,
        new_request: impl FnOnce(Completion) -> Request,
        write_group: impl FnOnce(&mut EngineLog, Vec<Request>) -> Vec<ReadSet>,
    ) -> Result<CommitPosition, RefusedCommit> {
        let waiter = Arc::new(Waiter::default());
        let request = new_request(Completion::new(&waiter));
        let mut is_leader = {
            let mut queue = self.queue.lock();
            queue.requests.push(request);
            queue.take_lead()
        };
        while !is_leader {
            if let Some(outcome) = waiter.wait(|| health.owner().check_fork()) {
                return outcome;
            }
            is_leader = self.queue.lock().take_lead();
        }
        let leader = LeaderGuard(&self.queue);
        let mut log = if let Some(log) = shared_log.try_lock() {
            log
        } else {
            health.owner().check_fork()?;
            shared_log.lock()
        };
        let (group, is_contended) = self.queue.lock().take();
        let before = log.last_seqno();
        let reads = write_group(&mut log, group);
        let is_yield_due = log.last_seqno().0 / YIELD_EVERY != before.0 / YIELD_EVERY;
        drop(log);
        let is_awaited = leader.end();
        // The read sets are freed where no writer waits for that.
        drop(reads);
        if is_yield_due && (is_awaited || is_contended && self.processors.lock().is_most()) {
            yield_now();
        }
        // A leader completes all of its group: this commit was in this group or an earlier one.
        waiter.state.lock().outcome.take().unwrap_or(Err(Error::Poisoned.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(waiter: &Arc<Waiter>) -> Request {
        Request {
            batch: SealedBatch::new(Vec::new(), Vec::new()),
            reads: ReadSet::default(),
            validated_up_to: SeqNo::ZERO,
            is_deletion: false,
            completion: Completion::new(waiter),
        }
    }

    #[test]
    fn a_commit_that_nobody_settles_learns_that_nothing_is_known_of_it() {
        let waiter = Arc::new(Waiter::default());
        drop(Completion::new(&waiter));
        assert!(matches!(waiter.wait(|| Ok(())), Some(Err(RefusedCommit { error: Error::Poisoned, .. }))));
    }

    #[test]
    fn the_lead_is_free_while_the_thread_that_is_called_wakes_up() {
        let queue = Mutex::new(Queue::default());
        assert!(queue.lock().take_lead());
        let waiter = Arc::new(Waiter::default());
        queue.lock().requests.push(request(&waiter));
        assert!(!queue.lock().take_lead(), "there is a leader");
        assert!(LeaderGuard(&queue).end(), "a commit waits");
        assert!(queue.lock().take_lead(), "another thread leads in its place");
        for request in queue.lock().take().0 {
            request.completion.complete(Err(Error::Conflict.into()));
        }
        // Its commit is complete: that it was called means nothing any more.
        assert!(waiter.wait(|| Ok(())).is_some_and(|outcome| outcome.is_err()));
        assert!(!LeaderGuard(&queue).end());
    }

    #[test]
    fn a_group_is_contended_when_another_thread_wrote_in_it_or_before_it() {
        let queue = Mutex::new(Queue::default());
        let is_contended = || queue.lock().take().1;
        assert!(!is_contended(), "the first");
        assert!(!is_contended(), "the same thread again");
        std::thread::scope(|scope| {
            let other = scope.spawn(is_contended).join();
            assert!(other.is_ok_and(|is_contended| is_contended), "another thread");
        });
        assert!(is_contended(), "after another thread");
        assert!(!is_contended(), "alone again");
        let waiters = [Arc::new(Waiter::default()), Arc::new(Waiter::default())];
        queue.lock().requests.extend(waiters.iter().map(request));
        assert!(is_contended(), "two in one group");
    }

    #[test]
    fn what_a_commit_was_told_first_stays() {
        let waiter = Arc::new(Waiter::default());
        Completion::new(&waiter).complete(Err(Error::Conflict.into()));
        assert!(matches!(waiter.wait(|| Ok(())), Some(Err(RefusedCommit { error: Error::Conflict, .. }))));
    }
}
