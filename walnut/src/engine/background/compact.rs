//! Runs what compaction picks: one pick after the other, while flushes, readers and writers go on.
//!
//! A merge, and what a crash after each step leaves:
//!
//! 1. its outputs are written under temporary names and synced: files that the next open removes;
//! 2. they are renamed and the directory is synced: SSTs that no manifest names, moved aside by the
//!    next open;
//! 3. the manifest edit that swaps them for the inputs is synced: it is done;
//! 4. the inputs are removed; readers that have them open read on.
//!
//! One that fails leaves its inputs where they are, is counted, and tried again. It never holds up
//! a flush, nor a commit: see `pace`.

use crate::base::{FileNumber, SeqNo};
use crate::compaction::{
    self, GcMode, GcOutput, Merge, MergeJob, Move, Pick, Relocation, RunRanges, ValueGc, ValueGcJob,
};
use crate::engine::Core;
use crate::engine::read::levels::{LevelRun, Levels, NewFiles};
use crate::engine::read::view::View;
use crate::engine::trace::{self, Merged};
use crate::error::{Error, Result};
use crate::manifest::{Level, Version, VersionEdit};
use crate::sst::{Sst, SstMeta};
use crate::sync::Arc;
use std::collections::BTreeSet;

impl Core {
    /// Merges everything into one sorted run.
    pub(crate) fn compact(&self) -> Result<()> {
        self.health.ensure_writable()?;
        self.flush_everything()?;
        let done = self.compact_one(compaction::full).and_then(|_| self.reclaim_all(GcMode::Full));
        let done = match done {
            // The smaller steps that give space back one by one need less room at a time.
            Err(Error::OutOfSpace) if self.compact_waste() => Ok(()),
            done => done,
        };
        self.health.ensure_open().and(done)
    }

    /// Runs what is due, until nothing is or something fails; returns whether all went well.
    pub(in crate::engine) fn compact_due(&self) -> bool {
        let due = |version: &Version| self.config.compaction.pick(version, &self.config.levels);
        self.compact_while(|version| due(version).or_else(|| self.hinted(version)))
            && self.reclaim_while(GcMode::Normal)
            && self.rotate_while()
    }

    /// Runs the picks that are due and those that give space back, until there is none or one
    /// fails; returns whether all succeeded.
    pub(in crate::engine) fn compact_waste(&self) -> bool {
        self.compact_while(|version| self.next_pick(version)) && self.reclaim_while(GcMode::Idle)
    }

    /// The same, and what makes reads cheaper.
    pub(in crate::engine) fn compact_idle(&self) -> bool {
        self.compact_while(|version| self.anything(version))
            && self.reclaim_while(GcMode::Idle)
            && self.rotate_while()
    }

    /// Returns whether something is dead that can be dropped only when its readers have ended.
    pub(in crate::engine) fn has_waste(&self) -> bool {
        let version = self.versions.version();
        self.config.compaction.pick_idle(&version, &self.config.levels, SeqNo::MAX) != Pick::Nothing
            || compaction::pick_value_gc(&version, &self.config.levels, GcMode::Idle).is_some()
    }

    /// Runs one background job, if there is any: scans for dead ranges, or else flushes a memtable,
    /// or what was deleted if that is worth it, or else runs what is due, or else what frees space,
    /// or else notes how far the log is durable. Returns whether there was one.
    pub(crate) fn run_one_job(&self) -> Result<bool> {
        self.health.ensure_writable()?;
        Ok(self.scan_for_dead_ranges()
            || self.flush_one()?
            || self.flush_deletions()?
            || self.compact_one(|version| self.anything(version))?
            || self.reclaim_one(GcMode::Idle)?
            || self.rotate_one()?
            || self.commits.note_durable()?)
    }

    /// The pick that is due, or else one that frees space.
    fn next_pick(&self, version: &Version) -> Pick {
        let (strategy, config) = (self.config.compaction, &self.config.levels);
        let idle = || strategy.pick_idle(version, config, self.watermark());
        strategy.pick(version, config).or_else(|| self.hinted(version)).or_else(idle)
    }

    /// The same, or else what makes reads cheaper.
    fn anything(&self, version: &Version) -> Pick {
        let settle = || self.config.compaction.pick_full_merge(version, &self.config.levels);
        self.next_pick(version).or_else(settle)
    }

    /// Applies a version edit: see
    /// [`VersionSet::apply_edit`](crate::engine::version_set::VersionSet::apply_edit).
    pub(in crate::engine) fn apply_edit(
        &self,
        edit: VersionEdit,
        new: &NewFiles,
        shows: impl Fn(&View, &Arc<Levels>) -> View,
    ) -> Result<()> {
        self.versions.apply_edit(edit, new, shows, |version| self.reckon_debt(version))
    }

    /// Waits until a merge may read or write `size` bytes more: see `Throttle::wait_for_budget`.
    pub(in crate::engine) fn wait_for_budget(&self, size: u64) -> Result<()> {
        self.throttle.wait_for_budget(size, &*self.env, &self.health, &self.compactions)
    }

    pub(in crate::engine) fn reckon_debt(&self, version: &Version) {
        self.throttle.note_debt(self.config.compaction.debt(version, &self.config.levels));
    }

    pub(in crate::engine) fn watermark(&self) -> SeqNo {
        self.snapshots.watermark(|| self.visible())
    }

    pub(in crate::engine) fn compact_while(&self, pick: impl Fn(&Version) -> Pick) -> bool {
        loop {
            match self.compact_one(&pick) {
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => {
                    trace::failed("compaction", &error);
                    return false;
                }
            }
        }
    }

    /// Collects garbage in the value log; returns whether that succeeded. It comes after merges,
    /// because these may give room back without more ado.
    fn reclaim_while(&self, thrift: GcMode) -> bool {
        self.reclaim_all(thrift).inspect_err(|error| trace::failed("reclaim", error)).is_ok()
    }

    /// Collects all the garbage in the value log that `thrift` asks for.
    fn reclaim_all(&self, thrift: GcMode) -> Result<()> {
        while self.reclaim_one(thrift)? {}
        Ok(())
    }

    /// Moves the live values of some worn value files to new ones; returns whether there were any.
    fn reclaim_one(&self, thrift: GcMode) -> Result<bool> {
        let _turn = self.compacting.lock();
        if self.health.ensure_open().is_err() {
            return Ok(false);
        }
        let version = self.versions.version();
        match compaction::pick_value_gc(&version, &self.config.levels, thrift) {
            None => Ok(false),
            Some(reclaim) => {
                let done = self.versions.ready_manifest().and_then(|()| self.run_reclaim(&reclaim));
                self.settle(done.map(|()| true))
            }
        }
    }

    /// Runs one pick; returns whether there was one. None is begun when the database is closed.
    fn compact_one(&self, pick: impl Fn(&Version) -> Pick) -> Result<bool> {
        let done = loop {
            match self.with_reserve(|| self.run_pick(&pick)) {
                // What is deleted goes first, file by file; then the merge needs less.
                Err(Error::OutOfSpace) if self.flush_deletions_for_room() || self.thin()? => {}
                done => break done?,
            }
        };
        self.reserve.restore(self.throttle.committed_size(), &self.health);
        Ok(done)
    }

    fn run_pick(&self, pick: impl FnOnce(&Version) -> Pick) -> Result<bool> {
        let _turn = self.compacting.lock();
        if self.health.ensure_open().is_err() {
            return Ok(false);
        }
        let done = self.versions.ready_manifest().and_then(|()| self.drop_covered()).and_then(|dropped| {
            let version = self.versions.version();
            match pick(&version) {
                Pick::Nothing => Ok(dropped),
                Pick::Move(down) => self.run_move(down).map(|()| true),
                Pick::Merge(merge) => self.merge_touched(&version, merge).map(|()| true),
                Pick::Full(merge) => self.run_merge(&version, &merge).map(|()| true),
            }
        });
        self.settle(done)
    }

    /// Takes note of a failure; returns whether something was done.
    pub(in crate::engine) fn settle(&self, done: Result<bool>) -> Result<bool> {
        match done {
            // It was stopped, which is no failure.
            Err(Error::Closed) => Ok(false),
            Err(error) => {
                self.compactions.note(|progress| {
                    progress.failure_count += 1;
                    progress.is_failing = true;
                });
                Err(error)
            }
            done => done,
        }
    }

    /// Removes the files of which no reader can see anything any more, unread; returns whether
    /// there were any.
    fn drop_covered(&self) -> Result<bool> {
        let version = self.versions.version();
        if version.files().all(|(_, meta)| meta.fragment_count == 0) {
            return Ok(false);
        }
        // The files are let go of before they leave: one that a reader may still need is opened
        // before its name goes.
        let removed = {
            let levels = Arc::clone(&self.versions.view().levels);
            let with_ranges = |sst: &&Arc<Sst>| sst.meta().fragment_count > 0;
            let run = |run: &LevelRun| RunRanges::new(run.ssts().filter(with_ranges).cloned().collect());
            let runs = levels.runs().map(run).collect();
            compaction::fully_deleted(&version, runs, self.watermark(), &|_| self.health.ensure_open())?
        };
        if removed.is_empty() {
            return Ok(false);
        }
        let drop_count = removed.len() as u64;
        self.apply_edit(
            VersionEdit { removed, ..VersionEdit::default() },
            &NewFiles::default(),
            View::with_levels,
        )?;
        self.compactions.note(|progress| progress.drop_count += drop_count);
        Ok(true)
    }

    fn run_move(&self, Move { from, files, to }: Move) -> Result<()> {
        let sst_count = files.len();
        let edit = VersionEdit {
            removed: files.iter().map(|meta| (from, meta.number)).collect(),
            added: files.into_iter().map(|meta| (to, meta)).collect(),
            ..VersionEdit::default()
        };
        self.apply_edit(edit, &NewFiles::default(), View::with_levels)?;
        trace::moved(sst_count, from, to);
        self.compactions.note(|progress| {
            progress.move_count += 1;
            progress.is_failing = false;
        });
        Ok(())
    }

    fn merge_touched(&self, version: &Version, mut merge: Merge) -> Result<()> {
        let levels = Arc::clone(&self.versions.view().levels);
        compaction::leave_out_untouched(
            &mut merge,
            self.config.levels.max_sst_size,
            |meta| named_sst(&levels, meta),
            &|size| self.wait_for_budget(size),
        )?;
        // No handle may hold the inputs when they are removed.
        drop(levels);
        self.run_merge(version, &merge)
    }

    fn run_merge(&self, version: &Version, merge: &Merge) -> Result<()> {
        let levels = Arc::clone(&self.versions.view().levels);
        let mut moving = compaction::gc_candidates(version, GcMode::Normal);
        moving.extend(compaction::small_files(version, self.config.values.max_file_size));
        let began = self.env.monotonic_clock();
        let job = MergeJob {
            merge,
            version,
            sst_store: &self.sst_store,
            config: &self.config.levels,
            boundaries: self.snapshots.boundaries(|| self.visible()),
            relocation: self.moving(&levels, moving),
            progress: &|size| self.wait_for_budget(size),
        };
        let written = job.run(|meta| named_sst(&levels, meta), || self.versions.allocate())?;
        drop(job);
        // No handle may hold the inputs when they are removed.
        drop(levels);
        let removed = merge.input_files().map(|(level, meta)| (level, meta.number)).collect();
        let added = written.ssts.iter().map(|sst| (merge.output, Arc::new(sst.meta().clone()))).collect();
        let merged = Merged {
            input_count: merge.input_files().count(),
            input_size: merge.input_size(),
            output_count: written.ssts.len(),
            output_size: 0,
            output: merge.output,
            time: self.env.monotonic_clock().saturating_sub(began),
        };
        self.swap(removed, added, written, &merged)
    }

    pub(in crate::engine) fn run_reclaim(&self, reclaim: &ValueGc) -> Result<()> {
        let levels = Arc::clone(&self.versions.view().levels);
        let began = self.env.monotonic_clock();
        let moving = self.moving(&levels, reclaim.candidates.clone());
        let job = ValueGcJob {
            gc: reclaim,
            relocation: moving,
            sst_store: &self.sst_store,
            progress: &|size| self.wait_for_budget(size),
        };
        let written = job.run(|meta| named_sst(&levels, meta), &|| self.versions.allocate())?;
        drop(job);
        drop(levels);
        let removed = reclaim.ssts.iter().map(|(level, meta)| (*level, meta.number)).collect();
        let places = reclaim.ssts.iter().zip(&written.ssts);
        let added = places.map(|((level, _), sst)| (*level, Arc::new(sst.meta().clone()))).collect();
        let moved = written.values.iter().map(|file| file.meta().size).sum::<u64>();
        let merged = Merged {
            input_count: reclaim.ssts.len(),
            input_size: moved + reclaim.ssts.iter().map(|(_, meta)| meta.size).sum::<u64>(),
            output_count: written.ssts.len(),
            output_size: 0,
            output: reclaim.ssts.last().map_or(Level::LAST, |(level, _)| *level),
            time: self.env.monotonic_clock().saturating_sub(began),
        };
        self.swap(removed, added, written, &merged)
    }

    /// What is to move out of these value files.
    pub(in crate::engine) fn moving(&self, levels: &Levels, worn: BTreeSet<FileNumber>) -> Relocation<'_> {
        let worn = worn.into_iter().filter_map(|file| Some((file, Arc::clone(levels.value_file(file)?))));
        let max_file_size = self.config.values.max_file_size;
        Relocation { candidates: worn.collect(), value_store: &self.value_store, max_file_size }
    }

    /// Puts what was written in the place of what was read, and counts both.
    fn swap(
        &self,
        removed: Vec<(Level, FileNumber)>,
        added: Vec<(Level, Arc<SstMeta>)>,
        GcOutput { ssts, values }: GcOutput,
        merged: &Merged,
    ) -> Result<()> {
        let new = NewFiles { ssts, values };
        let merged = Merged { output_size: new.size(), ..*merged };
        let edit = VersionEdit {
            removed,
            added,
            values: new.values.iter().map(|file| *file.meta()).collect(),
            ..VersionEdit::default()
        };
        self.apply_edit(edit, &new, View::with_levels)?;
        self.compactions.note(|progress| {
            progress.merge_count += 1;
            progress.read_size += merged.input_size;
            progress.written_size += merged.output_size;
            progress.is_failing = false;
        });
        trace::merged(&merged);
        Ok(())
    }
}

/// An SST that the manifest named before.
pub(in crate::engine) fn named_sst(levels: &Levels, meta: &SstMeta) -> Arc<Sst> {
    Arc::clone(levels.sst(meta.number).expect("readers see at least what the manifest named before"))
}
