//! Runs what compaction picks: one pick after the other, while flushes, readers and writers go on.
//!
//! A merge, and what a crash after each step leaves:
//!
//! 1. its outputs are written under temporary names and synced: files that the next open removes;
//! 2. they are renamed and the directory is synced: SSTs that no manifest names, moved aside by the next open;
//! 3. the manifest edit that swaps them for the inputs is synced: it is done;
//! 4. the inputs are removed; readers that have them open read on.
//!
//! One that fails leaves its inputs where they are, is counted, and tried again. It never holds up a flush: a writer waits,
//! for a bounded time, only where level 0 has grown far beyond its limit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::levels::{Levels, NewFiles};
use super::view::View;
use super::{Background, Core};
use crate::base::{FileNumber, SeqNo};
use crate::compaction::{
    self, Job, Merge, Move, Moving, Pick, RUN_LIMIT, Reclaim, ReclaimJob, Thrift, Written,
};
use crate::error::{Error, Result};
use crate::manifest::{Level, Version, VersionEdit};
use crate::sst::{SstMeta, SstReader};
use crate::sync::{Arc, Condvar, Mutex};

/// The runs of level 0 above which each commit waits a little, and those above which it waits for a merge.
const SLOW_RUN_COUNT: usize = 2 * RUN_LIMIT;
const STOP_RUN_COUNT: usize = 5 * RUN_LIMIT;

/// What a commit waits for each run above the first limit.
const SLOW_STEP: Duration = Duration::from_micros(50);

/// What it waits at most when it waits for a merge.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// What compaction has done since the database was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) merge_count: u64,
    pub(super) move_count: u64,
    pub(super) read_size: u64,
    pub(super) written_size: u64,
    pub(super) failure_count: u64,
    /// Whether the last try failed, so that nobody should wait for the next.
    pub(super) is_failing: bool,
}

/// The progress, and those who wait for it.
#[derive(Debug, Default)]
pub(super) struct Compactions {
    progress: Mutex<Progress>,
    advanced: Condvar,
}

impl Compactions {
    pub(super) fn progress(&self) -> Progress {
        *self.progress.lock()
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock());
        self.advanced.notify_all();
    }
}

impl Core {
    /// Merges everything into one sorted run.
    pub(crate) fn compact(&self) -> Result<()> {
        self.ensure_writable()?;
        self.flush_everything()?;
        let done = self.compact_one(compaction::full).and_then(|_| self.reclaim_all(Thrift::Full));
        self.ensure_open().and(done)
    }

    /// Runs what is due, until nothing is or something fails; says whether all went well.
    pub(super) fn compact_due(&self) -> bool {
        self.compact_while(|version| compaction::due(version, &self.config.levels), Thrift::Due)
    }

    /// Runs what is due and what else gives space back, until there is nothing or something fails, or there is other work.
    pub(super) fn compact_idle(&self) -> bool {
        let pick = |version: &Version| match compaction::due(version, &self.config.levels) {
            Pick::Nothing => compaction::idle(version, &self.config.levels, self.watermark()),
            due => due,
        };
        self.compact_while(pick, Thrift::Idle)
    }

    /// Whether something is dead that can be dropped only when those who read have let go of it.
    pub(super) fn has_waste(&self) -> bool {
        let version = self.manifest.lock().version();
        compaction::idle(&version, &self.config.levels, SeqNo::MAX) != Pick::Nothing
            || compaction::reclaim(&version, &self.config.levels, Thrift::Idle).is_some()
    }

    /// Has a writer wait while level 0 grows faster than it is merged: microseconds at first, and up to a limit when that does
    /// not help. Nobody waits for what fails, or for what is not done in the background.
    pub(super) fn pace(&self) {
        let runs = self.run_count();
        if runs <= SLOW_RUN_COUNT || self.config.background == Background::Manual {
            return;
        }
        let limit = match u32::try_from(runs - SLOW_RUN_COUNT) {
            Ok(excess) if runs <= STOP_RUN_COUNT => SLOW_STEP * excess,
            _ => STOP_LIMIT,
        };
        let progress = self.compactions.progress.lock();
        if !progress.is_failing && self.ensure_open().is_ok() && self.run_count() > SLOW_RUN_COUNT {
            drop(self.compactions.advanced.wait_for(progress, limit));
        }
    }

    fn run_count(&self) -> usize {
        self.view.load().levels.young().len()
    }

    fn watermark(&self) -> SeqNo {
        self.snapshots.watermark(|| self.visible())
    }

    /// Runs picks until there is nothing to do or something fails; says whether all went well. Room in the value log is looked for
    /// when there is no pick, because what is merged may give it back without more ado.
    fn compact_while(&self, pick: impl Fn(&Version) -> Pick, thrift: Thrift) -> bool {
        loop {
            let done = self.compact_one(&pick).and_then(|done| Ok(done || self.reclaim_one(thrift)?));
            match done {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Gives back all the room in the value log that `thrift` asks for.
    fn reclaim_all(&self, thrift: Thrift) -> Result<()> {
        while self.reclaim_one(thrift)? {}
        Ok(())
    }

    /// Moves the live values of some worn value files to new ones; says whether there were any.
    fn reclaim_one(&self, thrift: Thrift) -> Result<bool> {
        let _turn = self.compacting.lock();
        if self.ensure_open().is_err() {
            return Ok(false);
        }
        let version = self.manifest.lock().version();
        match compaction::reclaim(&version, &self.config.levels, thrift) {
            None => Ok(false),
            Some(reclaim) => self.settle(self.run_reclaim(&reclaim)),
        }
    }

    /// Runs one pick; says whether there was one. None is begun when the database is closed.
    pub(super) fn compact_one(&self, pick: impl FnOnce(&Version) -> Pick) -> Result<bool> {
        let _turn = self.compacting.lock();
        if self.ensure_open().is_err() {
            return Ok(false);
        }
        let version = self.manifest.lock().version();
        let done = match pick(&version) {
            Pick::Nothing => return Ok(false),
            Pick::Move(down) => self.run_move(down),
            Pick::Merge(merge) => self.run_merge(&version, &merge),
        };
        self.settle(done)
    }

    /// Takes note of a failure; says whether something was done.
    fn settle(&self, done: Result<()>) -> Result<bool> {
        match done {
            Ok(()) => Ok(true),
            // It was stopped, which is no failure.
            Err(Error::Closed) => Ok(false),
            Err(error) => {
                self.compactions.note(|progress| {
                    progress.failure_count += 1;
                    progress.is_failing = true;
                });
                Err(error)
            }
        }
    }

    fn run_move(&self, Move { from, files, to }: Move) -> Result<()> {
        let edit = VersionEdit {
            removed: files.iter().map(|meta| (from, meta.number)).collect(),
            added: files.into_iter().map(|meta| (to, meta)).collect(),
            ..VersionEdit::default()
        };
        self.install(edit, &NewFiles::default(), View::with_levels)?;
        self.compactions.note(|progress| {
            progress.move_count += 1;
            progress.is_failing = false;
        });
        Ok(())
    }

    fn run_merge(&self, version: &Version, merge: &Merge) -> Result<()> {
        let levels = Arc::clone(&self.view.load().levels);
        let mut moving = compaction::worn(version, Thrift::Due);
        moving.extend(compaction::crowded(version, self.config.values.max_file_size));
        let job = Job {
            merge,
            version,
            place: &self.place,
            config: &self.config.levels,
            boundaries: self.snapshots.boundaries(|| self.visible()),
            moving: self.moving(&levels, moving),
            stop: &self.closed,
        };
        let written = job.run(|meta| open_sst(&levels, meta), || self.manifest.lock().allocate())?;
        let added = written.ssts.iter().map(|sst| (merge.output, Arc::new(sst.meta().clone()))).collect();
        let read_size = inputs(merge).map(|(_, meta)| meta.size).sum::<u64>();
        let removed = inputs(merge).map(|(level, meta)| (level, meta.number)).collect();
        self.swap(removed, added, written, read_size)
    }

    fn run_reclaim(&self, reclaim: &Reclaim) -> Result<()> {
        let levels = Arc::clone(&self.view.load().levels);
        let moving = self.moving(&levels, reclaim.worn.clone());
        let job = ReclaimJob { reclaim, moving, place: &self.place, stop: &self.closed };
        let written = job.run(|meta| open_sst(&levels, meta), &|| self.manifest.lock().allocate())?;
        let places = reclaim.ssts.iter().zip(&written.ssts);
        let added = places.map(|((level, _), sst)| (*level, Arc::new(sst.meta().clone()))).collect();
        let moved = written.values.iter().map(|file| file.meta().size).sum::<u64>();
        let read_size = moved + reclaim.ssts.iter().map(|(_, meta)| meta.size).sum::<u64>();
        let removed = reclaim.ssts.iter().map(|(level, meta)| (*level, meta.number)).collect();
        self.swap(removed, added, written, read_size)
    }

    /// What is to move out of these value files.
    fn moving(&self, levels: &Levels, worn: BTreeSet<FileNumber>) -> Moving<'_> {
        let worn = worn.into_iter().filter_map(|file| Some((file, Arc::clone(levels.value_file(file)?))));
        let max_file_size = self.config.values.max_file_size;
        Moving { worn: worn.collect(), place: &self.value_place, max_file_size }
    }

    /// Puts what was written in the place of what was read, and counts both.
    fn swap(
        &self,
        removed: Vec<(Level, FileNumber)>,
        added: Vec<(Level, Arc<SstMeta>)>,
        Written { ssts, values }: Written,
        read_size: u64,
    ) -> Result<()> {
        let written_size = ssts.iter().map(|sst| sst.meta().size).sum::<u64>()
            + values.iter().map(|file| file.meta().size).sum::<u64>();
        let edit = VersionEdit {
            removed,
            added,
            values: values.iter().map(|file| *file.meta()).collect(),
            ..VersionEdit::default()
        };
        self.install(edit, &NewFiles { ssts, values }, View::with_levels)?;
        self.compactions.note(|progress| {
            progress.merge_count += 1;
            progress.read_size += read_size;
            progress.written_size += written_size;
            progress.is_failing = false;
        });
        Ok(())
    }
}

/// The reader of an SST that the manifest named before.
fn open_sst(levels: &Levels, meta: &SstMeta) -> Arc<SstReader> {
    Arc::clone(levels.sst(meta.number).expect("readers see at least what the manifest named before"))
}

fn inputs(merge: &Merge) -> impl Iterator<Item = (Level, &Arc<SstMeta>)> {
    merge.inputs.iter().flat_map(|(level, files)| files.iter().map(|meta| (*level, meta)))
}
