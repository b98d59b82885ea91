//! In-memory row locks of consumers, so that concurrent pops take different rows.
//!
//! 1. A row has at most one lock. Dropping it unlocks the row, also when its holder panics.
//! 2. A lock decides nothing about the row: the commit decides that it is there and unchanged. The
//!    lock is held until the commit is visible, so the next holder finds that the row is gone.

use std::collections::HashSet;

use crate::sync::Mutex;

/// Locked rows, by their engine keys.
#[derive(Debug, Default)]
pub(crate) struct RowLocks {
    keys: Mutex<HashSet<Box<[u8]>>>,
}

#[derive(Debug)]
#[must_use]
pub(crate) struct RowLock<'c> {
    row_locks: &'c RowLocks,
    key: Box<[u8]>,
}

impl RowLocks {
    /// Locks the row under an engine key, unless it is locked.
    pub(in crate::table) fn try_lock(&self, key: &[u8]) -> Option<RowLock<'_>> {
        let key: Box<[u8]> = key.into();
        // Dropping a lock unlocks its row, so none is constructed for a row that another one holds.
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
