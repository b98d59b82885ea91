//! From memory to disk: freezing the active memtable, writing frozen ones as SSTs, releasing the
//! log behind them.
//!
//! The order of a flush, and what a crash after each step leaves:
//!
//! 1. the SST, and value files with its large values, are written under temporary names and synced:
//!    files that the next open removes;
//! 2. they are renamed and the directory is synced, value files first: files that no manifest
//!    names, moved aside by the next open;
//! 3. the manifest edit is synced: the SST counts and the log begins after it, the old segments are
//!    obsolete;
//! 4. old segments are removed, or kept to be used again.
//!
//! A flush that fails leaves the frozen memtable where it is and is tried again.

use super::group_sync::SyncedTo;
use super::levels::NewFiles;
use super::log::EngineLog;
use super::values::{Separator, ValueConfig};
use super::view::View;
use super::{Background, Core, directory};
use crate::base::{FileNumber, KeyRange, Kind, SeqNo};
use crate::compaction::Flushing;
use crate::cursor::{Direction, EntryCursor};
use crate::error::Result;
use crate::manifest::{Level, Version, VersionEdit};
use crate::memtable::{DeltaCursor, Memtable, MemtableCursor};
use crate::mvcc::Garbage;
use crate::sst::{FinishedSst, SstMeta, SstStore};
use crate::sync::{Arc, Ordering};
use crate::vlog::{FinishedValues, ValueMeta, ValueStore};

/// A memtable may be fuller than it is to be by this part of itself before a writer waits until it
/// is frozen.
const OVERFILL: usize = 4;

/// How many times its size a memtable becomes when it cannot be frozen, before commits are refused.
const OVERGROWN: usize = 2;

/// A log of no more than so many bytes, and than this part of a memtable, is left by closing as it
/// is: opening replays it in a fraction of a millisecond.
const SMALL_LOG: u64 = 64 << 10;
const SMALL_PART: u64 = 8;

impl Core {
    /// Flushes everything that was committed before the call, and releases the log behind it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.ensure_writable()?;
        self.flush_everything()?;
        if self.config.background == Background::Manual {
            self.compact_waste();
        }
        Ok(())
    }

    pub(super) fn flush_everything(&self) -> Result<()> {
        self.with_reserve(|| self.freeze_if(|active| !active.is_empty()))?;
        while self.flush_one()? {}
        Ok(())
    }

    /// Flushes what was committed, when it takes a while to replay or lets go of much: a small log
    /// is replayed in less time than a flush takes.
    pub(super) fn flush_to_close(&self) -> Result<()> {
        let limit = SMALL_LOG.min(self.config.memtable_size as u64 / SMALL_PART);
        let is_small = self.view.load().frozen.is_empty() && self.log.lock().is_within(limit);
        if is_small { self.flush_deletions().map(drop) } else { self.flush_everything() }
    }

    /// Has the active memtable frozen if it is full: by the flush thread if there is one and it
    /// keeps up, by this one otherwise.
    pub(super) fn freeze_if_full(&self) {
        let limit = self.config.memtable_size;
        let view = self.view.load();
        if self.is_space_short(view.active.size()) {
            drop(view);
            self.log.lock().drop_recycled();
            return self.try_to_freeze(|active| !active.is_empty());
        }
        if !view.active.is_full(limit) {
            return;
        }
        if self.config.background == Background::Thread && !view.active.is_full(limit + limit / OVERFILL) {
            self.flusher.wake();
        } else {
            drop(view);
            self.freeze_full();
        }
    }

    /// Runs the maintenance that would stall readers or writers if they had to do it: freezes a
    /// full memtable, syncs what no commit waits for, makes memory for the cache. A failure of the
    /// log is the error of the next commit.
    pub(super) fn run_maintenance(&self) {
        if self.config.background == Background::Manual {
            return;
        }
        self.freeze_full();
        if self.is_sync_due() {
            let _ = self.sync();
        }
        self.sst_store.cache.make_ahead();
    }

    /// Freezes the active memtable if it is full. A failure is not the commit's that noticed: the
    /// memtable only grows.
    pub(super) fn freeze_full(&self) {
        let is_full = |active: &Memtable| active.is_full(self.config.memtable_size);
        if is_full(&self.view.load().active) {
            self.try_to_freeze(is_full);
        }
    }

    fn try_to_freeze(&self, condition: impl FnOnce(&Memtable) -> bool) {
        if self.freeze_if(condition).is_err() {
            self.flush_failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins a new segment when the current one is torn, so that nothing can follow in it.
    pub(super) fn rotate_torn_log(&self) -> Result<()> {
        if !self.log_is_torn.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut synced = self.synced_while_nobody_syncs();
        let mut log = self.log.lock();
        if log.is_torn() { self.rotate(&mut synced, &mut log).map(drop) } else { Ok(()) }
    }

    /// Starts a new log segment and a new active memtable with it, if the active one is as
    /// `condition` says.
    pub(super) fn freeze_if(&self, condition: impl FnOnce(&Memtable) -> bool) -> Result<()> {
        if self.config.background == Background::Thread {
            // Nearly all of the segment is durable when the log is held, which is when every writer
            // waits.
            let end = self.log.lock().position();
            self.sync_to(end)?;
        }
        let mut synced = self.synced_while_nobody_syncs();
        let mut log = self.log.lock();
        let full = Arc::clone(&self.view.load().active);
        if !condition(&full) {
            return Ok(());
        }
        let applied = self.applied();
        let next_log = self.rotate(&mut synced, &mut log)?;
        let active = Arc::new(Memtable::after(&full, applied));
        self.view.rcu(|view| view.with_frozen(next_log, &active));
        self.recheck_room();
        self.flusher.wake();
        Ok(())
    }

    /// Begins a new segment. The caller holds both locks, so no thread syncs the old one; it is
    /// durable then.
    fn rotate(&self, synced: &mut SyncedTo, log: &mut EngineLog) -> Result<FileNumber> {
        let next_log = log.rotate_next().map_err(|error| self.poison_like(log, error))?;
        self.log_is_torn.store(false, Ordering::Release);
        synced.position = log.position();
        self.advance_visible(log.last_seqno());
        Ok(next_log)
    }

    /// The size of an active memtable at which nothing is taken any more before it is frozen.
    pub(super) fn overgrown_size(&self) -> usize {
        self.config.memtable_size.saturating_mul(OVERGROWN)
    }

    /// Has a writer wait, or flush itself, while too many memtables are frozen, and freeze one that
    /// has grown far beyond its size because no thread could freeze it. Memory is bounded by this:
    /// a writer that cannot returns the error that is in the way.
    pub(super) fn wait_for_flush(&self) -> Result<()> {
        let overgrown = self.overgrown_size();
        let is_overgrown = self.view.load().active.is_full(overgrown);
        if is_overgrown {
            self.freeze_if(|active| active.is_full(overgrown))?;
        }
        let mut flushed = false;
        while self.view.load().frozen.len() >= self.config.frozen_limit {
            self.owner.check_fork()?;
            flushed |= self.flush_one()?;
        }
        if flushed && self.config.background == Background::Manual {
            self.compact_due();
        }
        Ok(())
    }

    /// Flushes the oldest frozen memtable; returns whether there was one. What it writes is less
    /// than what the log lets go of as a rule, so it may spend the reserve.
    pub(crate) fn flush_one(&self) -> Result<bool> {
        let flushed = self.with_reserve(|| self.flush_oldest())?;
        self.restore_reserve();
        Ok(flushed)
    }

    fn flush_oldest(&self) -> Result<bool> {
        let _turn = self.flushing.lock();
        self.owner.check_lock()?;
        let view = self.view.load_full();
        let Some(frozen) = view.frozen.last() else { return Ok(false) };
        self.ready_manifest()?;
        let began = self.env.monotonic_clock();
        let new = self.write_files(&frozen.memtable)?;
        let edit = VersionEdit {
            log_number: Some(frozen.next_log),
            last_seqno: Some(frozen.memtable.max_lsn()),
            added: new.ssts.iter().map(|sst| (Level::ZERO, Arc::new(sst.meta().clone()))).collect(),
            values: new.values.iter().map(|file| *file.meta()).collect(),
            ..VersionEdit::default()
        };
        self.apply_edit(edit, &new, View::with_flushed)?;
        self.held.track_memtable(&frozen.memtable);
        self.note_flush(frozen.memtable.size(), began, new.size());
        let kept = {
            let mut log = self.log.lock();
            let kept = log.release_before(frozen.next_log);
            if self.reserve.is_spent() {
                log.drop_recycled();
                Vec::new()
            } else {
                kept
            }
        };
        // A segment that cannot be removed now is removed after a later flush, or by the next open.
        let _ = self.remove_old_log(&kept);
        self.compactor.wake();
        Ok(true)
    }

    /// Removes the segments that the manifest does not need, but for those that the log has kept.
    pub(super) fn remove_old_log(&self, kept: &[FileNumber]) -> Result<()> {
        let first = self.manifest.lock().log_number().unwrap_or_default();
        directory::remove_log_before(&*self.env, &self.dir, first, kept)
    }

    /// Writes a memtable as an SST, and its large values as value files; none when nothing of it is
    /// needed any more.
    fn write_files(&self, memtable: &Arc<Memtable>) -> Result<NewFiles> {
        let version = self.manifest.lock().version();
        // Nothing but merges changes them until the flush has ended.
        let levels = Arc::clone(&self.view.load().levels);
        let flush = MemtableFlush {
            place: &self.sst_store,
            value_place: &self.value_store,
            values: &self.config.values,
            version: &version,
            denies: &|key| levels.deny(key),
            boundaries: self.snapshots.boundaries(|| self.visible()),
            go_on: &|_| {
                self.run_maintenance();
                Ok(())
            },
        };
        flush.run(memtable, &|| self.manifest.lock().allocate())?.publish(&self.sst_store, &self.value_store)
    }
}

/// A memtable that is to become files.
pub(super) struct MemtableFlush<'a> {
    pub(super) place: &'a Arc<SstStore>,
    pub(super) value_place: &'a ValueStore,
    pub(super) values: &'a ValueConfig,
    /// What is older than the memtable.
    pub(super) version: &'a Version,
    /// Whether it is known that nothing of a key is in it.
    pub(super) denies: &'a dyn Fn(&[u8]) -> bool,
    /// The seqnos at which readers read: see [`Garbage`].
    pub(super) boundaries: Vec<SeqNo>,
    /// Called from time to time.
    pub(super) go_on: &'a dyn Fn(u64) -> Result<()>,
}

/// Files that are durable and have the names of drafts. Dropping them removes them.
#[derive(Default)]
pub(super) struct WholeFiles {
    pub(super) ssts: Vec<FinishedSst>,
    pub(super) values: Vec<FinishedValues>,
}

impl MemtableFlush<'_> {
    pub(super) fn run(
        self,
        memtable: &Arc<Memtable>,
        numbers: &dyn Fn() -> Result<FileNumber>,
    ) -> Result<WholeFiles> {
        if memtable.is_empty() {
            return Ok(WholeFiles::default());
        }
        let garbage = Garbage::new(self.boundaries);
        let ranges = memtable.range_tombstones(|seqno| garbage.stripe_id(seqno));
        let mut flushing =
            Flushing::new(self.place, self.version, garbage.clone(), ranges, numbers, self.go_on)?;
        let mut separator = Separator::new(self.values, self.value_place, numbers);
        let cursor = MemtableCursor::new(Arc::clone(memtable), &KeyRange::all(), Direction::Forward);
        let mut cursor = DeltaCursor::new(cursor);
        while let Some(entry) = cursor.entry() {
            if flushing.keeps(&entry, self.denies)? {
                if entry.kind == Kind::Add {
                    let folded = flushing.fold(&mut cursor)?;
                    flushing.add(folded.entry())?;
                    continue;
                }
                flushing.add(separator.pass(entry)?)?;
            }
            cursor.advance()?;
        }
        Ok(WholeFiles { ssts: flushing.finish()?, values: separator.finish()? })
    }
}

impl WholeFiles {
    /// The SSTs, as an edit adds them.
    pub(super) fn added(&self) -> Vec<(Level, Arc<SstMeta>)> {
        self.ssts.iter().map(|sst| (Level::ZERO, Arc::clone(sst.meta()))).collect()
    }

    /// The value files, as an edit adds them.
    pub(super) fn value_metas(&self) -> Vec<ValueMeta> {
        self.values.iter().map(|file| *file.meta()).collect()
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.ssts.extend(others.ssts);
        self.values.extend(others.values);
    }

    /// Renames the files to their names, durably, value files first. After an error none is left.
    pub(super) fn publish(self, place: &Arc<SstStore>, value_place: &Arc<ValueStore>) -> Result<NewFiles> {
        let values = value_place.publish(self.values)?;
        let ssts = place.publish(self.ssts)?;
        Ok(NewFiles { ssts, values: values.keep() })
    }
}
