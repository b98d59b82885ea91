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

use crate::base::{FileNumber, Fragment, KeyRange, Kind, SeqNo};
use crate::compaction::Flushing;
use crate::cursor::{Direction, EntryCursor, steps};
use crate::engine::read::levels::NewFiles;
use crate::engine::read::values::{Separator, ValueConfig};
use crate::engine::read::view::{Frozen, View};
use crate::engine::{Core, directory};
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
        self.health.ensure_writable()?;
        self.flush_everything()?;
        if self.workers.is_manual() {
            self.compact_waste();
        }
        Ok(())
    }

    pub(in crate::engine) fn flush_everything(&self) -> Result<()> {
        self.with_reserve(|| self.freeze_if(|active| !active.is_empty()))?;
        while self.flush_one()? {}
        Ok(())
    }

    /// Flushes what was committed, when it takes a while to replay or lets go of much: a small log
    /// is replayed in less time than a flush takes.
    pub(in crate::engine) fn flush_to_close(&self) -> Result<()> {
        let limit = SMALL_LOG.min(self.config.memtable_size as u64 / SMALL_PART);
        let is_small = self.versions.view().frozen.is_empty() && self.commits.log.is_within(limit);
        if is_small { self.flush_deletions().map(drop) } else { self.flush_everything() }
    }

    /// Has the active memtable frozen if it is full: by the flush thread if there is one and it
    /// keeps up, by this one otherwise.
    pub(in crate::engine) fn freeze_if_full(&self) {
        let limit = self.config.memtable_size;
        let view = self.versions.view();
        if self.reserve.is_space_short(view.active.size(), || view.frozen_size()) {
            drop(view);
            self.commits.log.drop_recycled();
            return self.try_to_freeze(|active| !active.is_empty());
        }
        if !view.active.is_full(limit) {
            return;
        }
        if !self.workers.is_manual() && !view.active.is_full(limit + limit / OVERFILL) {
            self.workers.flusher.wake();
        } else {
            drop(view);
            self.freeze_full();
        }
    }

    /// Runs the maintenance that would stall readers or writers if they had to do it: freezes a
    /// full memtable, syncs what no commit waits for, makes memory for the cache, scans for dead
    /// ranges. A failure of the log is the error of the next commit.
    pub(in crate::engine) fn run_maintenance(&self) {
        if self.workers.is_manual() {
            return;
        }
        self.freeze_full();
        if self.commits.is_sync_due() {
            let _ = self.sync();
        }
        self.sst_store.cache.make_ahead();
        self.scan_for_dead_ranges();
    }

    /// Freezes the active memtable if it is full. A failure is not the commit's that noticed: the
    /// memtable only grows.
    pub(in crate::engine) fn freeze_full(&self) {
        let is_full = |active: &Memtable| active.is_full(self.config.memtable_size);
        if is_full(&self.versions.view().active) {
            self.try_to_freeze(is_full);
        }
    }

    fn try_to_freeze(&self, condition: impl FnOnce(&Memtable) -> bool) {
        if self.freeze_if(condition).is_err() {
            self.flush_failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Freezes the active memtable if `condition` holds for it.
    pub(in crate::engine) fn freeze_if(&self, condition: impl FnOnce(&Memtable) -> bool) -> Result<()> {
        if self.commits.freeze_if(condition)? {
            self.reserve.recheck_room();
            self.workers.flusher.wake();
        }
        Ok(())
    }

    /// The size of an active memtable at which nothing is taken any more before it is frozen.
    pub(in crate::engine) fn overgrown_size(&self) -> usize {
        self.config.memtable_size.saturating_mul(OVERGROWN)
    }

    /// Has a writer wait, or flush itself, while too many memtables are frozen, and freeze one that
    /// has grown far beyond its size because no thread could freeze it. Memory is bounded by this:
    /// a writer that cannot returns the error that is in the way.
    pub(in crate::engine) fn wait_for_flush(&self) -> Result<()> {
        let overgrown = self.overgrown_size();
        let is_overgrown = self.versions.view().active.is_full(overgrown);
        if is_overgrown {
            self.freeze_if(|active| active.is_full(overgrown))?;
        }
        let mut flushed = false;
        while self.versions.view().frozen.len() >= self.config.frozen_limit {
            self.health.owner().check_fork()?;
            flushed |= steps::uncounted(|| self.flush_one())?;
        }
        if flushed && self.workers.is_manual() {
            steps::uncounted(|| self.compact_due());
        }
        Ok(())
    }

    /// Flushes the oldest frozen memtable; returns whether there was one. What it writes is less
    /// than what the log lets go of as a rule, so it may spend the reserve.
    pub(crate) fn flush_one(&self) -> Result<bool> {
        let flushed = self.with_reserve(|| self.flush_oldest())?;
        self.reserve.restore(self.throttle.committed_size(), &self.health);
        Ok(flushed)
    }

    fn flush_oldest(&self) -> Result<bool> {
        let _turn = self.flushing.lock();
        self.health.owner().check_lock()?;
        let view = self.versions.view_full();
        let Some(frozen) = view.frozen.last() else { return Ok(false) };
        self.versions.ready_manifest()?;
        let began = self.env.monotonic_clock();
        let new = self.write_files(frozen)?;
        let edit = VersionEdit {
            log_number: Some(frozen.next_log),
            last_seqno: Some(frozen.memtable.max_lsn()),
            added: new.ssts.iter().map(|sst| (Level::ZERO, Arc::new(sst.meta().clone()))).collect(),
            values: new.values.iter().map(|file| *file.meta()).collect(),
            ..VersionEdit::default()
        };
        self.apply_edit(edit, &new, View::with_flushed)?;
        self.versions.held.track_memtable(&frozen.memtable);
        self.throttle.note_flush(frozen.memtable.size(), (began, self.env.monotonic_clock()), new.size());
        self.compactions.note_flush(new.size());
        let kept = self.commits.log.release_before(frozen.next_log, !self.reserve.is_spent());
        // A segment that cannot be removed now is removed after a later flush, or by the next open.
        let _ = self.remove_old_log(&kept);
        self.workers.compactor.wake();
        Ok(true)
    }

    /// Removes the segments that the manifest does not need, but for those that the log has kept.
    pub(in crate::engine) fn remove_old_log(&self, kept: &[FileNumber]) -> Result<()> {
        let first = self.versions.log_number().unwrap_or_default();
        directory::remove_log_before(&*self.env, &self.dir, first, kept)
    }

    /// Writes a memtable as an SST, and its large values as value files; none when nothing of it is
    /// needed any more.
    fn write_files(&self, frozen: &Frozen) -> Result<NewFiles> {
        let version = self.versions.version();
        // Nothing but merges changes them until the flush has ended.
        let levels = Arc::clone(&self.versions.view().levels);
        let boundaries = self.snapshots.boundaries(|| self.visible());
        let denies = |key: &[u8]| levels.deny(key);
        let flush = MemtableFlush {
            sst_store: &self.sst_store,
            value_store: &self.value_store,
            values: &self.config.values,
            version: &version,
            denies: &denies,
            dead: self.dead_fragments(frozen, &boundaries, &denies),
            boundaries,
            go_on: &|_| {
                self.run_maintenance();
                Ok(())
            },
        };
        flush.run(&frozen.memtable, &|| self.versions.allocate())?.publish(&self.sst_store, &self.value_store)
    }
}

/// A memtable that is to become files.
pub(in crate::engine) struct MemtableFlush<'a> {
    pub(in crate::engine) sst_store: &'a Arc<SstStore>,
    pub(in crate::engine) value_store: &'a ValueStore,
    pub(in crate::engine) values: &'a ValueConfig,
    /// What is older than the memtable.
    pub(in crate::engine) version: &'a Version,
    /// Whether it is known that nothing of a key is in it.
    pub(in crate::engine) denies: &'a dyn Fn(&[u8]) -> bool,
    /// Range tombstones that are written for dead ranges: see `dead_scan`.
    pub(in crate::engine) dead: Vec<Fragment>,
    /// The seqnos at which readers read: see [`Garbage`].
    pub(in crate::engine) boundaries: Vec<SeqNo>,
    /// Called from time to time.
    pub(in crate::engine) go_on: &'a dyn Fn(u64) -> Result<()>,
}

/// Files that are durable and have temporary names. Dropping them removes them.
#[derive(Default)]
pub(in crate::engine) struct WholeFiles {
    pub(in crate::engine) ssts: Vec<FinishedSst>,
    pub(in crate::engine) values: Vec<FinishedValues>,
}

impl MemtableFlush<'_> {
    pub(in crate::engine) fn run(
        self,
        memtable: &Arc<Memtable>,
        numbers: &dyn Fn() -> Result<FileNumber>,
    ) -> Result<WholeFiles> {
        if memtable.is_empty() {
            return Ok(WholeFiles::default());
        }
        let garbage = Garbage::new(self.boundaries);
        let ranges = memtable.range_tombstones(|seqno| garbage.stripe_id(seqno)).into_iter();
        let mut ranges: Vec<Box<dyn Iterator<Item = Fragment> + '_>> =
            ranges.map(|stripe| Box::new(stripe) as Box<_>).collect();
        if !self.dead.is_empty() {
            ranges.push(Box::new(self.dead.into_iter()));
        }
        let mut flushing =
            Flushing::new(self.sst_store, self.version, garbage.clone(), ranges, numbers, self.go_on)?;
        let mut separator = Separator::new(self.values, self.value_store, numbers);
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
    pub(in crate::engine) fn added(&self) -> Vec<(Level, Arc<SstMeta>)> {
        self.ssts.iter().map(|sst| (Level::ZERO, Arc::clone(sst.meta()))).collect()
    }

    /// The value files, as an edit adds them.
    pub(in crate::engine) fn value_metas(&self) -> Vec<ValueMeta> {
        self.values.iter().map(|file| *file.meta()).collect()
    }

    pub(in crate::engine) fn extend(&mut self, others: Self) {
        self.ssts.extend(others.ssts);
        self.values.extend(others.values);
    }

    /// Renames the files to their names, durably, value files first. After an error none is left.
    pub(in crate::engine) fn publish(
        self,
        sst_store: &Arc<SstStore>,
        value_store: &Arc<ValueStore>,
    ) -> Result<NewFiles> {
        let values = value_store.publish(self.values)?;
        let ssts = sst_store.publish(self.ssts)?;
        Ok(NewFiles { ssts, values: values.keep() })
    }
}
