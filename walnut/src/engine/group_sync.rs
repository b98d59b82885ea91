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

use super::commit::Durability;
use super::log::Position;
use super::{Background, Core};
use crate::base::SeqNo;
use crate::error::Result;
use crate::sync::{MutexGuard, Ordering};

/// After so many bytes of commits that do not wait for a sync there is one: a new segment is begun
/// when the one before it is durable, and every writer would wait for as much as a memtable then.
const UNSYNCED_LIMIT: u64 = 1 << 20;

/// After so many bytes a commit waits for that sync, so that what a crash takes stays small on any
/// disk.
const UNSYNCED_MOST: u64 = 8 * UNSYNCED_LIMIT;

/// How far the log is durable.
#[derive(Debug, Default)]
pub(super) struct SyncedTo {
    pub(super) position: Position,
    /// Whether a thread is syncing.
    is_syncing: bool,
    /// Whether a thread is about to sync for a group, and waits for it to gather.
    is_gathering: bool,
    /// How many wait for a group's sync.
    waiting_count: usize,
    /// How many waited when the last group stopped gathering: as many are expected again.
    expected_count: usize,
}

#[cfg(test)]
impl SyncedTo {
    /// Has the next group gather until so many wait.
    pub(super) fn expect(&mut self, count: usize) {
        self.expected_count = count;
    }

    /// How many wait for a group's sync.
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting_count
    }
}

impl Core {
    /// Makes everything that was committed before durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.ensure_writable()?;
        let end = self.log.lock().position();
        self.sync_to(end)
    }

    /// Returns when everything up to `at`, which a transaction has read, is acknowledged as
    /// `durability` says: an answer without a write, a refusal too, must not rest on a commit that
    /// a failed sync or a crash can still take back. Takes no lock when it is durable already.
    pub(crate) fn confirm(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.ensure_writable()?;
        match durability {
            Durability::Fast => Ok(()),
            Durability::Safe | Durability::Group if self.durable() >= at => Ok(()),
            Durability::Safe | Durability::Group => self.sync(),
        }
    }

    /// Returns when everything up to `at`, which a transaction has only read, is what any reader
    /// may see: at once, unless a commit among it is still on its way to the disk.
    pub(crate) fn confirm_visible(&self, at: SeqNo, durability: Durability) -> Result<()> {
        self.ensure_open()?;
        if self.visible() >= at { Ok(()) } else { self.confirm(at, durability) }
    }

    /// Returns when the log is durable up to `position`, syncing it for all if no thread does.
    pub(super) fn sync_to(&self, position: Position) -> Result<()> {
        let mut synced = self.synced.lock();
        loop {
            if synced.position >= position {
                return Ok(());
            }
            self.ensure_unpoisoned()?;
            if !synced.is_syncing {
                break;
            }
            synced = self.sync_done.wait(synced);
        }
        synced.is_syncing = true;
        drop(synced);
        let outcome = self.sync_written();
        let mut synced = self.synced.lock();
        synced.is_syncing = false;
        if let Ok(end) = outcome {
            synced.position = synced.position.max(end);
        }
        drop(synced);
        self.sync_done.notify_all();
        outcome.map(drop)
    }

    /// Takes note of a commit of so many bytes that ends at `end` and does not wait to be durable.
    /// When there were many, they are made so: by the flush thread if there is one and it keeps up,
    /// by this one otherwise.
    pub(super) fn sync_every_mib(&self, end: Position, size: usize) -> Result<()> {
        let size = size as u64;
        let unsynced = self.unsynced_size.fetch_add(size, Ordering::Relaxed) + size;
        // Of the commits that find it too much the first one syncs.
        let is_first = unsynced >= UNSYNCED_LIMIT && unsynced - size < UNSYNCED_LIMIT;
        if unsynced >= UNSYNCED_MOST || is_first && self.config.background == Background::Manual {
            return self.sync_to(end);
        }
        if is_first {
            self.flusher.wake();
        }
        Ok(())
    }

    /// Whether so much is not synced that it should be.
    pub(super) fn is_sync_due(&self) -> bool {
        self.unsynced_size.load(Ordering::Relaxed) >= UNSYNCED_LIMIT
    }

    /// Syncs everything that is written, makes it visible, and returns its end.
    fn sync_written(&self) -> Result<Position> {
        // Before the log is looked at: what is counted after this may be synced, and what is not is
        // counted.
        self.unsynced_size.store(0, Ordering::Relaxed);
        let (point, end, last) = {
            let log = self.log.lock();
            (log.sync_point()?, log.position(), log.last_seqno())
        };
        let outcome = point.sync();
        let mut log = self.log.lock();
        if let Err(error) = outcome {
            log.poison();
            return Err(self.poison(error));
        }
        log.mark_synced(&point);
        self.durable.fetch_max(last.0, Ordering::SeqCst);
        self.advance_visible(last);
        drop(log);
        self.request_note();
        Ok(end)
    }

    /// Tells the flush thread that more is durable than the manifest says, unless it knows.
    fn request_note(&self) {
        if self.config.background == Background::Thread
            && !self.is_note_due.load(Ordering::SeqCst)
            && !self.is_note_due.swap(true, Ordering::SeqCst)
        {
            self.flusher.wake();
        }
    }

    /// Whether more is durable than the manifest says, as far as the flush thread was told.
    pub(super) fn is_note_due(&self) -> bool {
        self.is_note_due.load(Ordering::Relaxed)
    }

    /// Has the manifest say how far the log is durable; returns whether it did not say so yet. A
    /// record of the log speaks of those before it, and nothing in the log speaks of the last one;
    /// so this is done when nothing was written for a moment, and no commit waits for it.
    pub(super) fn note_durable(&self) -> Result<bool> {
        // Before the number is looked at: a sync that ends after that calls again.
        self.is_note_due.store(false, Ordering::SeqCst);
        self.ensure_unpoisoned()?;
        self.note_log_end(self.durable())
    }

    /// Like [`sync_to`](Self::sync_to), but the first to come waits for others: for as many as came
    /// the last time, and no longer than the group window.
    pub(super) fn sync_with_others(&self, position: Position) -> Result<()> {
        let window = self.config.group_window;
        let mut synced = self.synced.lock();
        synced.waiting_count += 1;
        let is_gathered = synced.waiting_count >= synced.expected_count;
        let leads = window > Duration::ZERO && synced.position < position && !synced.is_gathering;
        if leads {
            if !is_gathered {
                synced.is_gathering = true;
                synced = self.sync_done.wait_for(synced, window);
                synced.is_gathering = false;
            }
            synced.expected_count = synced.waiting_count;
        } else if synced.is_gathering && is_gathered {
            self.sync_done.notify_all();
        }
        while synced.is_gathering && synced.position < position {
            synced = self.sync_done.wait_for(synced, window);
        }
        drop(synced);
        let outcome = self.sync_to(position);
        self.synced.lock().waiting_count -= 1;
        if leads {
            // Others may have looked while it gathered still, and the sync that woke them was not
            // its own, or has failed.
            self.sync_done.notify_all();
        }
        outcome
    }

    /// How far the log is durable, at a moment when no thread syncs; none begins to while this is
    /// held.
    pub(super) fn synced_while_nobody_syncs(&self) -> MutexGuard<'_, SyncedTo> {
        let mut synced = self.synced.lock();
        while synced.is_syncing {
            synced = self.sync_done.wait(synced);
        }
        synced
    }

    /// Lets readers see everything up to `last`.
    pub(super) fn advance_visible(&self, last: SeqNo) {
        self.visible.fetch_max(last.0, Ordering::AcqRel);
    }

    /// The last number that no crash takes back.
    pub(super) fn durable(&self) -> SeqNo {
        SeqNo(self.durable.load(Ordering::SeqCst))
    }
}
