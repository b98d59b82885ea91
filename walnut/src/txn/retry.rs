//! The retry loop of transactions: at once at first, then one at a time.
//!
//! A conflict means that another commit succeeded, so the store as a whole always makes progress.
//! The queue keeps single transactions from starving. Its permit is a courtesy, not a lock: after a
//! limited wait a transaction continues without one, so a transaction within a transaction, or one
//! that waits for another thread, is slow at worst.

use std::time::Duration;

use super::optimistic::Txn;
use super::running::RunningGuard;
use super::storage::Storage;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex, Ordering};

/// Attempts before a transaction fails with a conflict. From [`FREE_ATTEMPTS`] on retries go one at
/// a time, so only a storm of new writers exhausts them.
const MAX_ATTEMPTS: u32 = 1000;

/// Lost attempts after which a transaction waits for a permit.
const FREE_ATTEMPTS: u32 = 3;

/// The longest wait for a permit in milliseconds. Half of it is random, so that waiters that
/// arrived together do not continue together.
const WAIT_LIMIT: u64 = 100;

/// Runs `body` in a transaction, which `txn_of` finds in what `begin` returns, and commits it;
/// repeats this after a conflict.
///
/// [`Error::Conflict`] only after a thousand lost attempts, [`Error::SelfConflict`] after the first
/// that conflicted with writes of `body` itself. Every error of `body` ends the loop, and nothing
/// is written. A transaction that has requested a restart is repeated, whatever `body` made of the
/// error. A result after a statement rests on commits that are acknowledged as `durability` says.
pub(crate) fn run_with_retries<H, R, E: From<Error>>(
    storage: &Storage,
    retry_queue: &RetryQueue,
    durability: Durability,
    begin: impl Fn() -> H,
    txn_of: impl Fn(&H) -> &Txn,
    mut body: impl FnMut(&H) -> Result<R, E>,
) -> Result<R, E> {
    retry_queue.run(storage, |round| {
        let handle = begin();
        let txn = txn_of(&handle);
        let running = RunningGuard::enter(txn.identity());
        let result = body(&handle);
        let nested_writes = running.leave();
        if txn.must_restart.load(Ordering::Relaxed) || txn.is_lost(round) {
            return Ok(None);
        }
        let (done, result) = match result {
            Ok(result) => (txn.commit_with_nested(&nested_writes, durability), Ok(result)),
            Err(error) => (txn.confirm(durability), Err(error)),
        };
        match (done, result) {
            (Ok(()), result) => result.map(Some),
            (Err(Error::Conflict), Ok(_)) => {
                txn.is_lost(round);
                Ok(None)
            }
            (Err(_), _) if txn.is_lost(round) => Ok(None),
            (Err(error), _) => Err(error.into()),
        }
    })
}

#[derive(Debug, Default)]
pub(crate) struct RetryQueue {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The permit to run next; dropping it passes it on.
struct RetryPermit<'l> {
    queue: &'l RetryQueue,
}

impl RetryQueue {
    /// Runs `attempt` until it returns something other than `None`, which means a conflict. An
    /// error ends the retries.
    pub(crate) fn run<R, E: From<Error>>(
        &self,
        storage: &Storage,
        mut attempt: impl FnMut(u32) -> Result<Option<R>, E>,
    ) -> Result<R, E> {
        let mut permit = None;
        for lost in 0..MAX_ATTEMPTS {
            if lost >= FREE_ATTEMPTS && permit.is_none() {
                permit = self.wait_for_permit(storage);
            }
            if let Some(result) = attempt(lost)? {
                return Ok(result);
            }
        }
        Err(Error::Conflict.into())
    }

    /// A permit, unless the wait is too long.
    fn wait_for_permit(&self, storage: &Storage) -> Option<RetryPermit<'_>> {
        let mut taken = self.taken.lock();
        if *taken {
            let limit = WAIT_LIMIT / 2 + storage.random_below(WAIT_LIMIT / 2);
            taken = self.free.wait_for(taken, Duration::from_millis(limit));
        }
        if *taken {
            return None;
        }
        *taken = true;
        Some(RetryPermit { queue: self })
    }
}

impl Drop for RetryPermit<'_> {
    fn drop(&mut self) {
        *self.queue.taken.lock() = false;
        self.queue.free.notify_one();
    }
}
