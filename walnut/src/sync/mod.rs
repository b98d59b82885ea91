//! Locks, condition variables and callbacks: the one place that names a synchronization library.
//!
//! They are in one place so that a model checker can replace them: with the feature `shuttle`,
//! which only tests use, a scheduler decides at every lock and atomic which thread runs next.
//!
//! There is no lock poisoning. A thread that panics with a lock held leaves the data between two
//! statements, and every critical section is written so that this is a valid state.

use std::fmt;
use std::time::Duration;

#[cfg(feature = "shuttle")]
use shuttle::{sync as system, thread};
#[cfg(not(feature = "shuttle"))]
use std::{sync as system, thread};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::thread_local;
/// Not replaced under `shuttle`: its scheduler keeps all atomics in one total order already.
pub(crate) use std::sync::atomic::fence;
pub(crate) use std::sync::{Arc, OnceLock};
use std::sync::{PoisonError, TryLockError};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::thread_local;
pub(crate) use system::MutexGuard;
pub(crate) use system::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use thread::yield_now;

/// A mutex that owns its data; see the module's head on poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(system::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(system::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when another thread holds the lock.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition variable.
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

/// A callback that a higher layer installs: the layer below calls it without naming its type. Does
/// nothing until it is set.
#[derive(Default)]
pub(crate) struct Notify(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl Notify {
    /// Sets the callback; only the first call has an effect.
    pub(crate) fn set_callback(&self, callback: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(callback));
    }

    pub(crate) fn notify(&self) {
        if let Some(callback) = self.0.get() {
            callback();
        }
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}
