//! What an engine holds at the moment, in numbers.

use super::Core;
use crate::sync::Ordering;

/// What a database holds at the moment; see [`Database::stats`](crate::Database::stats). Sizes are in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The last sequence number that readers see: how many entries were ever written.
    pub visible_seqno: u64,
    /// The lowest sequence number that somebody still reads at.
    pub watermark: u64,
    /// Transactions and snapshots that keep history from being dropped.
    pub pinned_count: usize,
    /// Memory of the memtable that commits go to.
    pub active_memtable_size: usize,
    /// Memtables that wait to be written out.
    pub frozen_memtable_count: usize,
    /// Their memory.
    pub frozen_memtable_size: usize,
    /// Sorted files.
    pub sst_count: usize,
    /// Their length on disk.
    pub sst_size: u64,
    /// Bytes of keys and values in them, before compression.
    pub sst_raw_size: u64,
    /// The part of these that is known to be superseded or removed.
    pub sst_dead_size: u64,
    /// Memory of blocks, filters and fences.
    pub cache_used_size: usize,
    /// Flushes that failed and were or will be tried again.
    pub flush_failure_count: u64,
}

impl Core {
    /// Counts what there is. Costs no input or output.
    pub(crate) fn stats(&self) -> Stats {
        let view = self.view.load();
        let mut stats = Stats {
            visible_seqno: self.visible().0,
            watermark: self.snapshots.watermark(|| self.visible()).0,
            pinned_count: self.snapshots.count(),
            active_memtable_size: view.active.size(),
            frozen_memtable_count: view.frozen.len(),
            frozen_memtable_size: view.frozen.iter().map(|frozen| frozen.memtable.size()).sum(),
            sst_count: view.ssts.len(),
            cache_used_size: self.cache.used_size(),
            flush_failure_count: self.flush_failures.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for sst in &view.ssts {
            stats.sst_size += sst.meta().size;
            stats.sst_raw_size += sst.properties().raw_size;
            stats.sst_dead_size += sst.properties().dead_size;
        }
        stats
    }
}
