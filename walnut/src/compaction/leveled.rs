//! Leveled compaction: each level is ten times the size of the one above. Fast reads, little space.
//!
//! ```text
//!   pick             a level is above its target: all runs of level 0, or one file of a
//!                    deeper level, with the files of the next level that share its range
//!   pick_idle        no level is above its target, but a file holds much garbage
//!   pick_full_merge  the levels above the last hold a tenth of it or more
//! ```
//!
//! Picks terminate. Let the weight of an entry be the number of levels from its own to the last,
//! inclusive. Each pick moves at least one entry down and adds none, or it rewrites a file of the
//! last level that has garbage in which everything is old enough to be dropped, which removes
//! entries. So the sum of the weights decreases with each pick.

use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{FANOUT, LevelSizes, LeveledConfig, is_wasteful, size};
use super::pick::{Merge, Move, Pick, are_disjoint, can_move, rewrite, with_neighbours};
use crate::base::SeqNo;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// Compacts the level with the highest score, if that is above its target.
pub(super) fn pick(version: &Version, config: &LeveledConfig) -> Pick {
    let sizes = LevelSizes::of(version, config);
    let scores = Level::all().map(|level| (sizes.score(level), level));
    let Some((_, level)) = scores.rev().max_by_key(|(score, _)| *score).filter(|(score, _)| *score >= 1000)
    else {
        return Pick::Nothing;
    };
    let picker = Picker { version, config, sizes };
    if level == Level::ZERO { picker.all_runs() } else { picker.cheapest_file(level) }
}

/// Picks a file that holds much garbage and has nothing newer than `watermark`, so that the garbage
/// can be dropped. With [`SeqNo::MAX`] the pick is whatever a later watermark may allow.
pub(super) fn pick_idle(version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
    pick_garbage(version, config, watermark, &is_wasteful)
}

/// Picks the first file that `is_wanted` and has nothing newer than `watermark`.
pub(super) fn pick_garbage(
    version: &Version,
    config: &LeveledConfig,
    watermark: SeqNo,
    is_wanted: &dyn Fn(&SstMeta) -> bool,
) -> Pick {
    let picker = Picker { version, config, sizes: LevelSizes::of(version, config) };
    for level in Level::all() {
        let files = version.level(level);
        let wanted = |meta: &Arc<SstMeta>| meta.largest_seqno <= watermark && is_wanted(meta);
        let Some(index) = files.iter().position(wanted) else { continue };
        return match level {
            Level::ZERO => picker.all_runs(),
            Level::LAST => rewrite(version, index, config.max_sst_size),
            _ => picker.down(level, index..index + 1),
        };
    }
    Pick::Nothing
}

/// Moves data above the last level down, as long as it is at least a tenth of the last level.
pub(super) fn pick_full_merge(version: &Version, config: &LeveledConfig) -> Pick {
    let above = || Level::all().filter(|level| *level != Level::LAST);
    let above_size: u64 = above().map(|level| size(version.level(level))).sum();
    if above_size.saturating_mul(FANOUT) < size(version.level(Level::LAST)) {
        return Pick::Nothing;
    }
    let picker = Picker { version, config, sizes: LevelSizes::of(version, config) };
    match above().find(|level| !version.level(*level).is_empty()) {
        None => Pick::Nothing,
        Some(Level::ZERO) => picker.all_runs(),
        Some(level) => picker.cheapest_file(level),
    }
}

/// Compaction debt: bytes by which levels exceed their targets.
pub(super) fn debt(version: &Version, config: &LeveledConfig) -> u64 {
    LevelSizes::of(version, config).excess()
}

struct Picker<'v> {
    version: &'v Version,
    config: &'v LeveledConfig,
    sizes: LevelSizes<'v>,
}

impl Picker<'_> {
    /// All of level 0: an older run must never stay above a newer one that went down.
    fn all_runs(&self) -> Pick {
        self.down(Level::ZERO, 0..self.version.level(Level::ZERO).len())
    }

    fn young_runs(&self) -> impl Iterator<Item = (Level, Vec<Arc<SstMeta>>)> {
        let young = self.version.runs().take_while(|(level, _)| *level == Level::ZERO);
        young.map(|(level, files)| (level, files.to_vec()))
    }

    /// The file of a level that reclaims most for each byte of overlap in the next level (RocksDB:
    /// minimum overlapping ratio).
    fn cheapest_file(&self, level: Level) -> Pick {
        let next = self.version.level(self.sizes.next(level));
        let cost = |meta: &SstMeta| {
            let overlap = size(&next[sharing(next, &meta.smallest, &meta.end)]);
            1000 * u128::from(overlap) / self.sizes.compensated_size(meta).max(1)
        };
        let files = self.version.level(level).iter().enumerate();
        let cheapest = files.min_by_key(|(_, meta)| cost(meta));
        cheapest.map_or(Pick::Nothing, |(index, _)| self.down(level, index..index + 1))
    }

    /// Compacts files of a level into the next one, with all files there that share their range.
    fn down(&self, level: Level, range: Range<usize>) -> Pick {
        let files = &self.version.level(level)[range];
        let to = self.sizes.next(level);
        let (Some(smallest), Some(end)) =
            (files.iter().map(|meta| &meta.smallest).min(), files.iter().map(|meta| &meta.end).max())
        else {
            return Pick::Nothing;
        };
        let below = self.version.level(to);
        let shared = sharing(below, smallest, end);
        let max_sst_size = self.config.max_sst_size;
        if shared.is_empty() && files.iter().all(|meta| can_move(meta, max_sst_size)) && are_disjoint(files) {
            return Pick::Move(Move { from: level, files: files.to_vec(), to });
        }
        let shared = with_neighbours(below, shared, size(files), max_sst_size);
        let mut inputs: Vec<_> = match level {
            Level::ZERO => self.young_runs().collect(),
            _ => vec![(level, files.to_vec())],
        };
        if !shared.is_empty() {
            inputs.push((to, below[shared].to_vec()));
        }
        Pick::Merge(Merge { inputs, output: to })
    }
}

/// The indexes of the files of a sorted level that may hold keys from `smallest` up to, but not
/// including, `end`; an empty range at the insertion point when there is none.
fn sharing(files: &[Arc<SstMeta>], smallest: &[u8], end: &[u8]) -> Range<usize> {
    let start = files.partition_point(|meta| *meta.end <= *smallest);
    let count = files[start..].partition_point(|meta| *meta.smallest < *end);
    start..start + count
}
