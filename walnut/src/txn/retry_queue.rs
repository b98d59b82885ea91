//! Retries of conflicting transactions: at once at first, then one at a time.
//!
//! A conflict means that another commit succeeded, so the store as a whole always makes progress.
//! The queue keeps single transactions from starving. Its permit is a courtesy, not a lock: after a
//! limited wait a transaction continues without one, so a transaction within a transaction, or one
//! that waits for another thread, is slow at worst.

use std::time::Duration;

use super::storage::Storage;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex};

/// Attempts before a transaction fails with a conflict. From [`FREE_ATTEMPTS`] on retries go one at
/// a time, so only a storm of new writers exhausts them.
const MAX_ATTEMPTS: u32 = 1000;

/// Lost attempts after which a transaction waits for a permit.
const FREE_ATTEMPTS: u32 = 3;

/// The longest wait for a permit in milliseconds. Half of it is random, so that waiters that
/// arrived together do not continue together.
const WAIT_LIMIT: u64 = 100;

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
