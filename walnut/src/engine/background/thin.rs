//! Space that comes back on a full disk when a merge finds no room: files are thinned in their
//! places, one after the other.

use crate::base::SeqNo;
use crate::compaction::{ThinJob, Thinning, thinnings};
use crate::engine::Core;
use crate::engine::background::compact::named_sst;
use crate::engine::read::levels::NewFiles;
use crate::engine::read::view::View;
use crate::error::{Error, Result};
use crate::manifest::VersionEdit;
use crate::sync::{Arc, AtomicU64, Ordering};

/// What is known of the last try.
#[derive(Debug, Default)]
pub(in crate::engine) struct Thinned {
    /// How much work was done when nothing was found, and where the oldest reader was: nothing is
    /// looked for again before either has changed.
    idle_since: AtomicU64,
    oldest_reader: AtomicU64,
}

impl Core {
    /// Takes out of each file what newer runs hide from every reader; returns whether that freed
    /// any space.
    ///
    /// Cost: reads the files that have newer entries above them, and these, twice; writes what is
    /// left of those that become smaller. Nothing when the last try found nothing and neither files
    /// nor readers have changed since.
    pub(in crate::engine) fn thin(&self) -> Result<bool> {
        let _turn = self.compacting.lock();
        if self.health.ensure_open().is_err() || !self.is_worth_thinning() {
            return Ok(false);
        }
        let done = self.versions.ready_manifest().and_then(|()| {
            let version = self.versions.version();
            let mut is_thinner = false;
            for thinning in thinnings(&version) {
                match self.run_thinning(&thinning) {
                    Ok(thinned) => is_thinner |= thinned,
                    // Another one may need less.
                    Err(Error::OutOfSpace) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(is_thinner)
        });
        if matches!(done, Ok(false)) {
            self.thinned.idle_since.store(self.work_count(), Ordering::Relaxed);
            self.thinned.oldest_reader.store(self.oldest_reader().0, Ordering::Relaxed);
        }
        self.settle(done)
    }

    fn is_worth_thinning(&self) -> bool {
        self.thinned.idle_since.load(Ordering::Relaxed) != self.work_count()
            || self.thinned.oldest_reader.load(Ordering::Relaxed) != self.oldest_reader().0
    }

    /// A number that changes with the files; never zero.
    fn work_count(&self) -> u64 {
        let progress = self.compactions.progress();
        1 + progress.flush_count + progress.merge_count + progress.move_count + progress.drop_count
    }

    fn oldest_reader(&self) -> SeqNo {
        self.snapshots.oldest().map_or(SeqNo::MAX, |oldest| oldest.at)
    }

    fn run_thinning(&self, thinning: &Thinning) -> Result<bool> {
        let levels = Arc::clone(&self.versions.view().levels);
        let watermark = self.snapshots.watermark(|| self.visible());
        let job = ThinJob {
            thinning,
            sst_store: &self.sst_store,
            watermark,
            progress: &|size| self.wait_for_budget(size),
        };
        let written = job.run(|meta| named_sst(&levels, meta), || self.versions.allocate())?;
        // No handle may hold the file when it is removed.
        drop(levels);
        let Some(written) = written else { return Ok(false) };
        let level = thinning.level;
        let edit = VersionEdit {
            removed: vec![(level, thinning.file.number)],
            added: written.ssts.iter().map(|sst| (level, Arc::new(sst.meta().clone()))).collect(),
            ..VersionEdit::default()
        };
        self.apply_edit(edit, &NewFiles { ssts: written.ssts, values: written.values }, View::with_levels)?;
        Ok(true)
    }
}
