//! One state of a database that is only read.

use std::fmt;
use std::path::Path;

use arc_swap::ArcSwap;

use super::super::read::PointReader;
use super::super::{Stats, VerifyReport};
use crate::base::{FileNumber, SeqNo};
use crate::engine::read::view::View;
use crate::error::Result;
use crate::manifest::Version;
use crate::sst::{Epoch, SstStore};
use crate::sync::Arc;
use crate::wal::LogFollower;

/// The state after some commit: memtables, files and the sequence number up to which they are read.
///
/// Later commits may be inserted into its newest memtable; their numbers are above, so no reader of
/// this state sees them.
pub(crate) struct Moment {
    /// Replaced only to close files that are not read.
    view: ArcSwap<View>,
    at: SeqNo,
    version: Arc<Version>,
    sst_store: Arc<SstStore>,
    /// The segment that was read last; `None` without a log.
    log_number: Option<FileNumber>,
}

impl Moment {
    pub(super) fn new(
        sst_store: &Arc<SstStore>,
        view: View,
        version: Arc<Version>,
        log: Option<&LogFollower>,
    ) -> Self {
        Self {
            view: ArcSwap::from_pointee(view),
            at: log.map_or(SeqNo::ZERO, LogFollower::last_seqno),
            version,
            sst_store: Arc::clone(sst_store),
            log_number: log.map(LogFollower::number),
        }
    }

    /// The database's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.sst_store.dir.path
    }

    /// The last sequence number that is read.
    pub(crate) fn at(&self) -> SeqNo {
        self.at
    }

    pub(in crate::engine) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Passes a reader of this state to `reads`.
    pub(crate) fn read<R>(&self, reads: impl FnOnce(PointReader<'_>) -> Result<R>) -> Result<R> {
        let _epoch = Epoch::enter();
        let view = self.view.load();
        reads(PointReader::new(&view, self.at))
    }

    /// Reads every file of the state: see [`Core::verify`](super::super::Core::verify). Other names
    /// in the directory are not looked at.
    pub(crate) fn verify(&self) -> Result<VerifyReport> {
        self.view().levels.verify()
    }

    /// Counts what there is. What only a writer has is zero. Costs no input or output.
    pub(crate) fn stats(&self) -> Stats {
        let view = self.view.load();
        let (cache_hit_count, cache_miss_count) = self.sst_store.cache.hits_and_misses();
        let mut stats = Stats {
            visible_seqno: self.at.0,
            watermark: self.at.0,
            active_memtable_size: view.active.size(),
            frozen_memtable_count: view.frozen.len(),
            frozen_memtable_size: view.frozen.iter().map(|frozen| frozen.memtable.size()).sum(),
            open_file_count: self.sst_store.open_files.count(),
            cache_used_size: self.sst_store.cache.used_size(),
            cache_budget: self.sst_store.cache.budget().budget(),
            cache_hit_count,
            cache_miss_count,
            log_segment_count: u64::from(self.log_number.is_some()),
            ..Stats::default()
        };
        stats.count_files(&view, &self.version);
        stats
    }

    /// Closes files, when nearly as many are open as may be.
    pub(super) fn close_unused(&self) {
        let closing = self.view.load().levels.least_used(self.sst_store.open_files.target());
        if !closing.is_empty() {
            self.view.rcu(|view| view.with_levels(&Arc::new(view.levels.with_closed(&closing))));
        }
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("dir", &self.dir()).field("at", &self.at.0).finish_non_exhaustive()
    }
}
