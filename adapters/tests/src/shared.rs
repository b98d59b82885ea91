//! One server for all tests that run at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A value that lives while a test holds it. The last test to end drops it, and with it the server.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// A value that is made by the first test that asks for it.
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value that another test holds, or a new one.
    pub fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.upgrade().unwrap_or_else(|| {
            let made = Arc::new(start());
            *place = Arc::downgrade(&made);
            made
        })
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}
