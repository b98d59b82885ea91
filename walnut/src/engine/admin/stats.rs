//! What an engine holds at the moment, in numbers.

use std::time::Duration;

use crate::base::SeqNo;
use crate::engine::Core;
use crate::engine::read::view::View;
use crate::manifest::{LEVEL_COUNT, Version};
use crate::sst::{Sst, SstMeta};
use crate::sync::Ordering;

/// What a database holds at the moment; see [`Database::stats`](crate::Database::stats). Sizes are
/// in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The last sequence number that readers see: how many entries were ever written.
    pub visible_seqno: u64,
    /// The lowest sequence number that a reader still reads at.
    pub watermark: u64,
    /// Transactions and snapshots that keep history from being dropped.
    pub pinned_count: usize,
    /// How long ago the oldest of these began; zero when there is none.
    pub oldest_pin_age: Duration,
    /// Sequence numbers that became visible since then: entries that were written behind its back.
    pub oldest_pin_lag: u64,
    /// Iterators that were begun and not dropped, whether they have come to their end or not. Each
    /// holds the memory and the files of the state in which it began.
    pub iterator_count: usize,
    /// Bytes on disk and in memory that are kept only for transactions, snapshots and iterators: an
    /// estimate from above. It is what these have superseded or removed since the oldest of them
    /// began, in sorted files (before compression) and in memory, and
    /// [`held_memory_size`](Self::held_memory_size) and [`held_file_size`](Self::held_file_size).
    /// Values in the value log are not in it.
    pub pinned_size: u64,
    /// Memory of memtables that were written out, and that iterators still hold.
    pub held_memory_size: usize,
    /// Length on disk of files that were replaced, and that iterators still hold: they have no name
    /// any more, and their space comes back with the last of these iterators.
    pub held_file_size: u64,
    /// Commits that were refused because something that they had read was changed.
    pub conflict_count: u64,
    /// Entries of other commits that commits were compared with for that while the log waited.
    pub compared_entry_count: u64,
    /// Memory of the memtable that commits go to.
    pub active_memtable_size: usize,
    /// Memtables that wait to be written out.
    pub frozen_memtable_count: usize,
    /// Their memory.
    pub frozen_memtable_size: usize,
    /// Length on disk of the files of the log that are needed.
    pub log_size: u64,
    /// Length of those that are needed no longer and kept to be used again.
    pub log_spare_size: u64,
    /// Sorted files.
    pub sst_count: usize,
    /// Their length on disk.
    pub sst_size: u64,
    /// Bytes of keys and values in them, before compression.
    pub sst_raw_size: u64,
    /// The part of these that is known to be superseded or removed.
    pub sst_dead_size: u64,
    /// Files of the value log, which has the values that are too large for sorted files.
    pub value_file_count: usize,
    /// Their length on disk.
    pub value_log_size: u64,
    /// The part of these that sorted files refer to; the rest is given back by and by.
    pub value_log_live_size: u64,
    /// Sorted runs: a read searches one file of each at most.
    pub run_count: usize,
    /// Sorted files and files of the value log that are open. The others are opened when they are
    /// read.
    pub open_file_count: usize,
    /// Memory of blocks, filters, fences and values of the value log.
    pub cache_used_size: usize,
    /// What it may be: the size of the cache.
    pub cache_budget: usize,
    /// Blocks and values of the value log that reads found in memory since the database was
    /// opened. Counted without locks: a few may be missing.
    pub cache_hit_count: u64,
    /// Blocks and values that reads did not find there, and read from disk.
    pub cache_miss_count: u64,
    /// Segments of the log that are still needed.
    pub log_segment_count: u64,
    /// Bytes of entries that came to be committed since the database was opened.
    pub committed_size: u64,
    /// Commits that were held up because flushing or compaction was behind, since then.
    pub stall_count: u64,
    /// For how long, all of them together.
    pub stall_time: Duration,
    /// Memtables that were written out since then.
    pub flush_count: u64,
    /// Length of the files that they became.
    pub flush_written_size: u64,
    /// Flushes that failed and were or will be tried again.
    pub flush_failure_count: u64,
    /// The same of each level, from level 0, where flushed files arrive, to the last.
    pub levels: Vec<LevelStats>,
    /// Merges of files since the database was opened.
    pub compaction_count: u64,
    /// Files or groups of them that went down a level as they were, since then.
    pub compaction_move_count: u64,
    /// Files that were removed unread, because a range that was removed covers all of them.
    pub compaction_drop_count: u64,
    /// Length of the files that these merges read.
    pub compaction_read_size: u64,
    /// Length of the files that they wrote.
    pub compaction_written_size: u64,
    /// Compactions that failed and were or will be tried again. Their inputs stay as they are.
    pub compaction_failure_count: u64,
    /// Length of the files that compaction is behind with, by the measure of its strategy. Above
    /// eight memtables of it writers are slowed.
    pub compaction_debt_size: u64,
    /// Files that are still under an older data key, while one is rotated: see
    /// [`Database::rotate_data_key`](crate::Database::rotate_data_key).
    pub rotating_file_count: usize,
    /// Their length on disk.
    pub rotating_size: u64,
    /// Data keys of the database: 0 when it is not encrypted, 1 when no rotation is under way.
    pub data_key_count: usize,
}

impl Stats {
    /// Bytes written to disk for each byte committed since the database was opened: to the log, by
    /// flushes and by compaction. 0 when nothing was committed.
    pub fn write_amplification(&self) -> f64 {
        let written = self.committed_size + self.flush_written_size + self.compaction_written_size;
        ratio(written, self.committed_size)
    }

    /// Bytes of entries in sorted files for each byte of them that is not known to be dead, before
    /// compression. What newer files hold of keys that older ones hold too shows in it only when
    /// they are merged. 0 when nothing is there.
    pub fn space_amplification(&self) -> f64 {
        ratio(self.sst_raw_size, self.sst_raw_size - self.sst_dead_size)
    }

    /// Sorted files that a read of a key searches at most; filters spare it nearly all but one.
    pub fn read_amplification(&self) -> f64 {
        ratio(self.run_count as u64, 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people; the first digits are what is wanted")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What a level holds; part of [`Stats`]. Sizes are in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LevelStats {
    /// Sorted files. In level 0 each may hold any key; in every other level one file at most holds
    /// a key.
    pub sst_count: usize,
    /// Their length on disk.
    pub size: u64,
    /// Bytes of keys and values in them, before compression.
    pub raw_size: u64,
    /// The part of these that is known to be superseded or removed.
    pub dead_size: u64,
    /// Entries in them, versions and tombstones included.
    pub entry_count: u64,
    /// Tombstones among these.
    pub tombstone_count: u64,
    /// Pieces of removed ranges beside these.
    pub range_tombstone_count: u64,
}

impl Core {
    /// From the first segment that the manifest needs to the one that is written.
    fn log_segment_count(&self) -> u64 {
        let newest = self.commits.log.segment();
        let oldest = self.versions.log_number();
        oldest.map_or(0, |oldest| (newest.0 + 1).saturating_sub(oldest.0))
    }

    /// Counts what there is. Costs no input or output.
    pub(crate) fn stats(&self) -> Stats {
        let view = self.versions.view();
        let log = self.commits.log.size();
        let progress = self.compactions.progress();
        let (stall_count, stall_time) = self.throttle.stalls();
        let (cache_hit_count, cache_miss_count) = self.sst_store.cache.hits_and_misses();
        let watermark = self.snapshots.watermark(|| self.visible());
        let (oldest, visible) = (self.snapshots.oldest(), self.visible());
        let mut stats = Stats {
            visible_seqno: visible.0,
            watermark: watermark.0,
            pinned_count: self.snapshots.count(),
            iterator_count: self.versions.held.iterator_count(),
            held_memory_size: self.versions.held.memtable_size(),
            held_file_size: self.versions.held.file_size(),
            oldest_pin_age: oldest.map_or(Duration::ZERO, |oldest| oldest.age),
            oldest_pin_lag: oldest.map_or(0, |oldest| visible.0.saturating_sub(oldest.at.0)),
            conflict_count: self.commits.validations.conflicts.load(Ordering::Relaxed),
            compared_entry_count: self.commits.validations.compared.load(Ordering::Relaxed),
            active_memtable_size: view.active.size(),
            frozen_memtable_count: view.frozen.len(),
            frozen_memtable_size: view.frozen_size(),
            log_size: log.segment_size,
            log_spare_size: log.recycled_size,
            open_file_count: self.sst_store.open_files.count(),
            cache_used_size: self.sst_store.cache.used_size(),
            cache_budget: self.config.cache_size,
            cache_hit_count,
            cache_miss_count,
            log_segment_count: self.log_segment_count(),
            committed_size: self.throttle.committed_size(),
            stall_count,
            stall_time,
            flush_count: progress.flush_count,
            flush_written_size: progress.flush_written_size,
            flush_failure_count: self.flush_failures.load(Ordering::Relaxed),
            compaction_count: progress.merge_count,
            compaction_move_count: progress.move_count,
            compaction_drop_count: progress.drop_count,
            compaction_read_size: progress.read_size,
            compaction_written_size: progress.written_size,
            compaction_failure_count: progress.failure_count,
            compaction_debt_size: self.throttle.debt(),
            ..Stats::default()
        };
        stats.pinned_size = stats.held_memory_size as u64 + stats.held_file_size;
        if oldest.is_some() {
            stats.pinned_size += view.superseded_since(watermark);
        }
        let version = self.versions.version();
        (stats.rotating_file_count, stats.rotating_size, stats.data_key_count) = self.rotation_left(&version);
        stats.count_files(&view, &version);
        stats
    }
}

impl Stats {
    /// Adds the files of a view, and the value files of its version.
    pub(in crate::engine) fn count_files(&mut self, view: &View, version: &Version) {
        self.run_count = view.levels.runs().len();
        self.levels = vec![LevelStats::default(); LEVEL_COUNT];
        for (level, sst) in view.levels.ssts() {
            self.levels[level.index()].count(sst.meta());
        }
        for file in version.value_files() {
            self.value_file_count += 1;
            self.value_log_size += file.meta.size;
            self.value_log_live_size += file.live_size;
        }
        self.sst_count = self.levels.iter().map(|level| level.sst_count).sum();
        self.sst_size = self.levels.iter().map(|level| level.size).sum();
        self.sst_raw_size = self.levels.iter().map(|level| level.raw_size).sum();
        self.sst_dead_size = self.levels.iter().map(|level| level.dead_size).sum();
    }
}

impl View {
    /// Bytes that were superseded or removed and would be dropped but for the readers at
    /// `watermark`, as an estimate from above.
    ///
    /// In files and memtables that are newer they are counted. Beyond that, what an older file
    /// holds is superseded by what newer files hold of the same keys, of which is known how much it
    /// is and from where to where it goes.
    fn superseded_since(&self, watermark: SeqNo) -> u64 {
        let young = self.memtables().filter(|memtable| memtable.max_lsn() > watermark);
        let mut size = young.map(|memtable| memtable.dead_size() as u64).sum::<u64>();
        // Files of older runs that a reader at the watermark sees, and how much of each is live as
        // far as is known.
        let mut older: Vec<(&Sst, u64)> = Vec::new();
        let runs: Vec<_> = self.levels.runs().collect();
        for run in runs.into_iter().rev() {
            for sst in run.ssts().filter(|sst| sst.meta().largest_seqno > watermark) {
                let meta = sst.meta();
                size += meta.dead_size;
                let mut hides = meta.raw_size - meta.dead_size;
                let meeting = older.iter_mut().filter(|(sst, live)| {
                    *live > 0 && sst.meta().smallest < meta.end && meta.smallest < sst.meta().end
                });
                for (_, live) in meeting {
                    let hidden = hides.min(*live);
                    (size, hides, *live) = (size + hidden, hides - hidden, *live - hidden);
                }
            }
            let seen = run.ssts().filter(|sst| sst.meta().smallest_seqno <= watermark);
            older.extend(seen.map(|sst| (&**sst, sst.meta().raw_size - sst.meta().dead_size)));
        }
        size
    }
}

impl LevelStats {
    fn count(&mut self, meta: &SstMeta) {
        self.sst_count += 1;
        self.size += meta.size;
        self.raw_size += meta.raw_size;
        self.dead_size += meta.dead_size;
        self.entry_count += meta.entry_count;
        self.tombstone_count += meta.tombstone_count;
        self.range_tombstone_count += meta.fragment_count;
    }
}
