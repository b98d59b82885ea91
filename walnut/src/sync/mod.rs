//! The locks of the store, and how one part calls another that it does not know.
//!
//! The locks are in one place so that a model checker can stand in for them: with the feature `shuttle`, which is
//! for tests alone, they are those of a scheduler that decides at each of them who goes on.
//!
//! A thread that panics with a lock held leaves the data as it was between two statements of ours: every section
//! that a lock guards is written so that this is a state that others can go on from, hence no poisoning.

mod notify;

#[cfg(feature = "shuttle")]
use shuttle::{sync as system, thread};
#[cfg(not(feature = "shuttle"))]
use std::{sync as system, thread};

pub(crate) use notify::Notify;
#[cfg(feature = "shuttle")]
pub(crate) use shuttle::thread_local;
/// The scheduler of the tests has all atomics in one order, so nothing stands in for this.
pub(crate) use std::sync::atomic::fence;
pub(crate) use std::sync::{Arc, OnceLock};
use std::sync::{PoisonError, TryLockError};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::thread_local;
use std::time::Duration;
pub(crate) use system::MutexGuard;
pub(crate) use system::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use thread::yield_now;

/// A mutual exclusion that owns its data.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(system::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(system::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data, unless somebody else has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A place to wait until somebody who changed the data says so.
#[derive(Debug, Default)]
pub(crate) struct Condvar(system::Condvar);

impl Condvar {
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits no longer than `limit`.
    pub(crate) fn wait_for<'a, T>(&self, guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
        self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
