//! Group sync: one sync of the log for all commits that wait for one.
//!
//! ```text
//!   wait until durable ──► no sync runs? ──► sync what is written by now ──► wake all that wait
//!                          one runs?     ──► wait to be woken, and look again
//! ```
//!
//! 1. A commit becomes visible when it is durable, or when one that did not ask to be is
//!    acknowledged; always in the order of the log, because the visible seqno is a number up to
//!    which everything is visible.
//! 2. One thread syncs at a time, and holds no lock while it does.
//! 3. After a failed sync no commit is acknowledged as durable.
//! 4. When nothing was written for a moment, the manifest is told how far the log is durable:
//!    damage to the last record of the log is told from a torn write then.

use std::time::Duration;

use super::log::Position;
use crate::engine::health::Health;
use crate::error::Result;
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, MutexGuard, Ordering};

/// Bytes of commits without a sync after which there is one: a new segment is begun when the one
/// before it is durable, and every writer would wait for as much as a memtable then.
const UNSYNCED_LIMIT: u64 = 1 << 20;

/// Bytes after which a commit waits for that sync, so that the loss by a crash stays small on any
/// disk.
const UNSYNCED_MOST: u64 = 8 * UNSYNCED_LIMIT;

/// How far the log is durable, and which thread syncs it.
#[derive(Debug, Default)]
pub(super) struct GroupSync {
    synced: Mutex<SyncedTo>,
    done: Condvar,
    /// Bytes of commits that do not wait for a sync, since the last one began.
    unsynced_size: AtomicU64,
    /// Whether the flush thread knows that the manifest is behind what is durable; a sync that
    /// makes more durable wakes it if not.
    is_note_due: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct SyncedTo {
    pub(super) position: Position,
    is_syncing: bool,
    /// Whether a thread is about to sync for a group, and waits for it to gather.
    is_gathering: bool,
    waiting_count: usize,
    /// Commits that waited when the last group stopped gathering: as many are expected again.
    expected_count: usize,
}

/// What a commit without a sync has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UnsyncedCommit {
    Nothing,
    /// It is the first past the limit, so it starts a sync.
    StartsSync,
    /// It waits for a sync.
    MustSync,
}

impl GroupSync {
    /// Returns when the log is durable up to `position`. Calls `sync`, which returns the position
    /// that it made durable, unless another thread does.
    pub(super) fn sync_to(
        &self,
        position: Position,
        health: &Health,
        sync: impl FnOnce() -> Result<Position>,
    ) -> Result<()> {
        let mut synced = self.synced.lock();
        loop {
            if synced.position >= position {
                return Ok(());
            }
            health.ensure_unpoisoned()?;
            if !synced.is_syncing {
                break;
            }
            synced = self.done.wait(synced);
        }
        synced.is_syncing = true;
        drop(synced);
        let outcome = sync();
        let mut synced = self.synced.lock();
        synced.is_syncing = false;
        if let Ok(end) = outcome {
            synced.position = synced.position.max(end);
        }
        drop(synced);
        self.done.notify_all();
        outcome.map(drop)
    }

    /// Like [`sync_to`](Self::sync_to), which `sync_to` is, but the first to come waits for others:
    /// for as many as came the last time, and no longer than `window`.
    pub(super) fn gather_then(
        &self,
        position: Position,
        window: Duration,
        sync_to: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let mut synced = self.synced.lock();
        synced.waiting_count += 1;
        let is_gathered = synced.waiting_count >= synced.expected_count;
        let leads = window > Duration::ZERO && synced.position < position && !synced.is_gathering;
        if leads {
            if !is_gathered {
                synced.is_gathering = true;
                synced = self.done.wait_for(synced, window);
                synced.is_gathering = false;
            }
            synced.expected_count = synced.waiting_count;
        } else if synced.is_gathering && is_gathered {
            self.done.notify_all();
        }
        while synced.is_gathering && synced.position < position {
            synced = self.done.wait_for(synced, window);
        }
        drop(synced);
        let outcome = sync_to();
        self.synced.lock().waiting_count -= 1;
        if leads {
            // Others may have looked while it gathered still, and the sync that woke them was not
            // its own, or has failed.
            self.done.notify_all();
        }
        outcome
    }

    /// Waits until no thread syncs; none begins to while the guard is held.
    pub(super) fn pause(&self) -> MutexGuard<'_, SyncedTo> {
        let mut synced = self.synced.lock();
        while synced.is_syncing {
            synced = self.done.wait(synced);
        }
        synced
    }

    /// Wakes all that wait, because a sync can no longer come.
    pub(super) fn wake_all(&self) {
        self.done.notify_all();
    }

    /// Counts a commit of `size` bytes that does not wait to be durable.
    pub(super) fn add_unsynced(&self, size: u64) -> UnsyncedCommit {
        let unsynced = self.unsynced_size.fetch_add(size, Ordering::Relaxed) + size;
        if unsynced >= UNSYNCED_MOST {
            UnsyncedCommit::MustSync
        } else if unsynced >= UNSYNCED_LIMIT && unsynced - size < UNSYNCED_LIMIT {
            UnsyncedCommit::StartsSync
        } else {
            UnsyncedCommit::Nothing
        }
    }

    /// Called before a sync looks at the log: what is counted after this may be synced, and what is
    /// not synced is counted.
    pub(super) fn reset_unsynced(&self) {
        self.unsynced_size.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_sync_due(&self) -> bool {
        self.unsynced_size.load(Ordering::Relaxed) >= UNSYNCED_LIMIT
    }

    /// Records that more is durable than the manifest says; returns whether that was not known.
    pub(super) fn request_note(&self) -> bool {
        !self.is_note_due.load(Ordering::SeqCst) && !self.is_note_due.swap(true, Ordering::SeqCst)
    }

    /// Called before the durable seqno is read for the manifest: a sync that ends after that
    /// requests another note.
    pub(super) fn begin_note(&self) {
        self.is_note_due.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_note_due(&self) -> bool {
        self.is_note_due.load(Ordering::Relaxed)
    }

    /// Lets the next group gather until this many wait.
    #[cfg(test)]
    pub(super) fn expect(&self, count: usize) {
        self.synced.lock().expected_count = count;
    }

    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.synced.lock().waiting_count
    }
}
