//! How large each level is and how large it should be.
//!
//! ```text
//!   level 0    4 runs
//!   level 1..  empty
//!   level 5    7 GB / 10          the base level: the first whose target is not below the base size
//!   level 6    7 GB               the last level: as large as it is, or as the base size
//! ```
//!
//! Targets follow from the last level upwards, so that nine tenths of the data lie in it whatever their size is, and space
//! is never more than some tenths above what is live.
//!
//! A file weighs more than its length when it is worth more to compact it: by what is dead in it, and, for each of its
//! tombstones, by an entry of average length that it may take away below.

use std::sync::Arc;

use crate::manifest::{LEVEL_COUNT, Level, Version};
use crate::sst::SstMeta;

/// The runs of level 0 at which they are merged.
pub(crate) const RUN_LIMIT: usize = 4;

/// How many times larger a level is than the one above it.
pub(super) const FANOUT: u64 = 10;

/// The part of a file, in percent, that must be dead, or tombstones, to make it worth a merge of its own.
const WASTE_PERCENT: u128 = 10;

/// How large things should be. All sizes are at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeveledConfig {
    /// Bytes of an SST at which a merge begins the next one.
    pub(crate) max_sst_size: u64,
    /// The smallest target of a level, in bytes.
    pub(crate) base_level_size: u64,
}

/// A version and what its levels should be.
pub(super) struct LevelSizes<'v> {
    version: &'v Version,
    /// 0 for the levels above the base level.
    targets: [u64; LEVEL_COUNT],
    /// The average length of an entry on disk.
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

    /// How far a level is above what it should be, in thousandths: at 1000 it is due.
    pub(super) fn score(&self, level: Level) -> u128 {
        let files = self.version.level(level);
        match level {
            Level::ZERO => 1000 * files.len() as u128 / RUN_LIMIT as u128,
            Level::LAST => 0,
            _ => 1000 * files.iter().map(|meta| self.weight(meta)).sum::<u128>() / self.target(level),
        }
    }

    /// Bytes above what the levels should hold: those of the runs of level 0 above its limit, the oldest counted first, and
    /// what each deeper level has above its target.
    pub(super) fn excess(&self) -> u64 {
        let newest = self.version.level(Level::ZERO);
        let young = size(&newest[..newest.len().saturating_sub(RUN_LIMIT)]);
        let deeper = Level::ZERO
            .deeper()
            .filter(|level| *level != Level::LAST)
            .map(|level| size(self.version.level(level)).saturating_sub(self.targets[level.index()]));
        young + deeper.sum::<u64>()
    }

    /// The level into which the files of one are merged: the next that is to hold anything, or does. Below the last is none.
    pub(super) fn next(&self, level: Level) -> Level {
        let holds = |level: &Level| self.targets[level.index()] > 0 || !self.version.level(*level).is_empty();
        level.deeper().find(holds).unwrap_or(Level::LAST)
    }

    /// What the length of a file counts for, in bytes.
    pub(super) fn weight(&self, meta: &SstMeta) -> u128 {
        weight(meta, self.entry_size)
    }

    fn target(&self, level: Level) -> u128 {
        u128::from(self.targets[level.index()].max(1))
    }
}

/// The average length of an entry on disk.
pub(super) fn entry_size(version: &Version) -> u64 {
    let add = |(size, count), (_, meta): (_, &Arc<SstMeta>)| (size + meta.size, count + meta.entry_count);
    let (size, count) = version.files().fold((0, 0), add);
    size / count.max(1)
}

/// What the length of a file counts for, in bytes, where an entry has this length.
pub(super) fn weight(meta: &SstMeta, entry_size: u64) -> u128 {
    let size = u128::from(meta.size);
    let dead = size * u128::from(meta.dead_size) / u128::from(meta.raw_size.max(1));
    let tombstones = u128::from(meta.tombstone_count) + u128::from(meta.fragment_count);
    size + dead + tombstones * u128::from(entry_size)
}

/// Whether so much of a file is dead that a merge of it gives space back. Never so when nothing is; always when it has a
/// range tombstone, which may hide any number of files below.
pub(super) fn is_wasteful(meta: &SstMeta) -> bool {
    let is_much =
        |part: u64, whole: u64| part > 0 && u128::from(part) * 100 >= u128::from(whole) * WASTE_PERCENT;
    is_much(meta.dead_size, meta.raw_size)
        || is_much(meta.tombstone_count, meta.entry_count)
        || meta.fragment_count > 0
}

/// The length of files together.
pub(super) fn size(files: &[Arc<SstMeta>]) -> u64 {
    files.iter().map(|meta| meta.size).sum()
}
