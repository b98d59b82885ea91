//! The rows that consumers of this process are taking, so that each takes another one.
//!
//! 1. A row has one claim at most. Dropping the claim gives it back, also when its holder panics.
//! 2. A claim decides nothing about the row: that it is there and unchanged is decided at the
//!    commit. It is held until the commit is visible, so whoever claims the row after that finds
//!    that it is gone.
//!
//! The lock is held for the look at a set.

use std::collections::HashSet;

use crate::sync::Mutex;

/// The rows that are being taken, by the engine's keys.
#[derive(Debug, Default)]
pub(crate) struct RowLocks {
    keys: Mutex<HashSet<Box<[u8]>>>,
}

/// The sole right to take a row.
#[derive(Debug)]
#[must_use]
pub(crate) struct RowLock<'c> {
    row_locks: &'c RowLocks,
    key: Box<[u8]>,
}

impl RowLocks {
    /// The claim to the row under an engine's key, unless it has one.
    pub(super) fn try_lock(&self, key: &[u8]) -> Option<RowLock<'_>> {
        let key: Box<[u8]> = key.into();
        // A claim that is made gives back its row when it is dropped, so none is made in vain.
        if self.keys.lock().insert(key.clone()) { Some(RowLock { row_locks: self, key }) } else { None }
    }
}

impl Drop for RowLock<'_> {
    fn drop(&mut self) {
        self.row_locks.keys.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_one_claim_until_that_is_dropped_by_a_panic_too() {
        let row_locks = RowLocks::default();
        let lock = row_locks.try_lock(b"row").expect("nobody has it");
        assert!(row_locks.try_lock(b"row").is_none() && row_locks.try_lock(b"another").is_some());
        assert!(row_locks.try_lock(b"row").is_none(), "who was refused has given nothing back");
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _lock = lock;
            panic!("in the middle of taking it");
        }));
        assert!(taken.is_err() && row_locks.try_lock(b"row").is_some());
        assert!(row_locks.keys.lock().is_empty());
    }
}
