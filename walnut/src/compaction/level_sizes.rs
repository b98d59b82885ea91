//! Target sizes and scores of levels (RocksDB: dynamic level sizes).
//!
//! ```text
//!   level 0    4 runs
//!   level 1..  empty
//!   level 5    7 GB / 10          the base level: the first whose target is at least the base size
//!   level 6    7 GB               the last level: its actual size, at least the base size
//! ```
//!
//! Targets are derived from the last level upwards, so that 90 % of the data is in it whatever its
//! size, and space amplification is never more than some tenths.
//!
//! The *compensated size* of a file is larger than its size when its compaction reclaims more: by
//! its dead bytes and, for each tombstone, by one entry of average size that it may hide in a
//! deeper level.

use std::sync::Arc;

use crate::manifest::{LEVEL_COUNT, Level, Version};
use crate::sst::SstMeta;

/// The number of runs in level 0 that triggers a compaction.
pub(crate) const RUN_LIMIT: usize = 4;

/// The size of a level divided by the size of the level above it.
pub(super) const FANOUT: u64 = 10;

/// The part of a file, in percent, that must be dead or tombstones to justify a compaction of its
/// own.
const WASTE_PERCENT: u128 = 10;

/// Size limits, in bytes. Each is at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeveledConfig {
    /// The size at which a merge ends an SST and begins the next one.
    pub(crate) max_sst_size: u64,
    /// The smallest target of a level.
    pub(crate) base_level_size: u64,
}

/// The target of each level of a version.
pub(super) struct LevelSizes<'v> {
    version: &'v Version,
    /// 0 for the levels above the base level.
    targets: [u64; LEVEL_COUNT],
    entry_size: u64,
}

impl<'v> LevelSizes<'v> {
    pub(super) fn of(version: &'v Version, config: &LeveledConfig) -> Self {
        let largest = Level::ZERO.deeper().map(|level| size(version.level(level))).max().unwrap_or_default();
        let mut targets = [0; LEVEL_COUNT];
        let mut target = largest.max(config.base_level_size);
        for level in Level::ZERO.deeper().rev() {
            targets[level.index()] = target;
            target /= FANOUT;
            if target < config.base_level_size {
                break;
            }
        }
        Self { version, targets, entry_size: entry_size(version) }
    }

    /// The score of a level in thousandths of its target; a level needs compaction from 1000 on.
    pub(super) fn score(&self, level: Level) -> u128 {
        let files = self.version.level(level);
        match level {
            Level::ZERO => 1000 * files.len() as u128 / RUN_LIMIT as u128,
            Level::LAST => 0,
            _ => {
                1000 * files.iter().map(|meta| self.compensated_size(meta)).sum::<u128>() / self.target(level)
            }
        }
    }

    /// Bytes above the targets of the deeper levels, and bytes of the runs of level 0 above its
    /// limit, counted from the newest.
    pub(super) fn excess(&self) -> u64 {
        let newest = self.version.level(Level::ZERO);
        let young = size(&newest[..newest.len().saturating_sub(RUN_LIMIT)]);
        let deeper = Level::ZERO
            .deeper()
            .filter(|level| *level != Level::LAST)
            .map(|level| size(self.version.level(level)).saturating_sub(self.targets[level.index()]));
        young + deeper.sum::<u64>()
    }

    /// The level into which a level is compacted: the next one that has a target or files. The last
    /// level itself when there is none.
    pub(super) fn next(&self, level: Level) -> Level {
        let holds = |level: &Level| self.targets[level.index()] > 0 || !self.version.level(*level).is_empty();
        level.deeper().find(holds).unwrap_or(Level::LAST)
    }

    pub(super) fn compensated_size(&self, meta: &SstMeta) -> u128 {
        compensated_size(meta, self.entry_size)
    }

    fn target(&self, level: Level) -> u128 {
        u128::from(self.targets[level.index()].max(1))
    }
}

/// The average size of an entry on disk.
pub(super) fn entry_size(version: &Version) -> u64 {
    let add = |(size, count), (_, meta): (_, &Arc<SstMeta>)| (size + meta.size, count + meta.entry_count);
    let (size, count) = version.files().fold((0, 0), add);
    size / count.max(1)
}

/// The compensated size of a file in bytes, for the average `entry_size`.
pub(super) fn compensated_size(meta: &SstMeta, entry_size: u64) -> u128 {
    let size = u128::from(meta.size);
    let dead = size * u128::from(meta.dead_size) / u128::from(meta.raw_size.max(1));
    let tombstones = u128::from(meta.tombstone_count) + u128::from(meta.fragment_count);
    size + dead + tombstones * u128::from(entry_size)
}

/// Whether anything in the file is dead, or hides something else.
pub(super) fn has_garbage(meta: &SstMeta) -> bool {
    meta.dead_size > 0 || meta.tombstone_count > 0 || meta.fragment_count > 0
}

/// Whether a file holds so much garbage that a compaction of it frees space. Always so for a file
/// with a range tombstone, which may hide any number of files below; never for a file without
/// garbage.
pub(super) fn is_wasteful(meta: &SstMeta) -> bool {
    let is_much =
        |part: u64, whole: u64| part > 0 && u128::from(part) * 100 >= u128::from(whole) * WASTE_PERCENT;
    is_much(meta.dead_size, meta.raw_size)
        || is_much(meta.tombstone_count, meta.entry_count)
        || meta.fragment_count > 0
}

pub(super) fn size(files: &[Arc<SstMeta>]) -> u64 {
    files.iter().map(|meta| meta.size).sum()
}
