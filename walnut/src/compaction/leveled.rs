//! Levels whose sizes grow tenfold: the strategy for reading fast and for taking little space.
//!
//! ```text
//!   due    a level is above its target    level 0: all its runs; else one file     and what shares its range below
//!   idle   no level is, but files hold much that nobody can read
//!   settle a tenth of the last level or more stands above it
//! ```
//!
//! Picks come to an end. Let each entry weigh as many as there are levels from its own to the last, that one included.
//! Every pick moves at least one entry down and adds none; or it rewrites a file of the last level in which something is
//! dead and everything old enough to be dropped, which takes entries away. So the sum of the weights falls with each.

use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{FANOUT, LevelSizes, LeveledConfig, is_wasteful, size};
use super::pick::{Merge, Move, Pick, are_disjoint, moves, rewrite, with_neighbours};
use crate::base::SeqNo;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// What a level that is above its target asks for: the one that is furthest above.
pub(super) fn pick(version: &Version, config: &LeveledConfig) -> Pick {
    let shape = LevelSizes::of(version, config);
    let scores = Level::all().map(|level| (shape.score(level), level));
    let Some((_, level)) = scores.rev().max_by_key(|(score, _)| *score).filter(|(score, _)| *score >= 1000)
    else {
        return Pick::Nothing;
    };
    let picker = Picker { version, config, shape };
    if level == Level::ZERO { picker.all_runs() } else { picker.cheapest_file(level) }
}

/// What gives space back though no level is above its target: a file with much in it that is dead, all of it at or below
/// `watermark`, so that what is dead can be dropped. Given [`SeqNo::MAX`], what there may be to do one day.
pub(super) fn pick_idle(version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
    give_back(version, config, watermark, &is_wasteful)
}

/// What takes away what is dead in the first file that `is_wanted`, all of it at or below `watermark`.
pub(super) fn give_back(
    version: &Version,
    config: &LeveledConfig,
    watermark: SeqNo,
    is_wanted: &dyn Fn(&SstMeta) -> bool,
) -> Pick {
    let picker = Picker { version, config, shape: LevelSizes::of(version, config) };
    for level in Level::all() {
        let files = version.level(level);
        let wanted = |meta: &Arc<SstMeta>| meta.largest_seqno <= watermark && is_wanted(meta);
        let Some(place) = files.iter().position(wanted) else { continue };
        return match level {
            Level::ZERO => picker.all_runs(),
            Level::LAST => rewrite(version, place, config.max_sst_size),
            _ => picker.down(level, place..place + 1),
        };
    }
    Pick::Nothing
}

/// The next step of taking what stands above the last level down, as long as it is so much that it is worth it.
pub(super) fn pick_full_merge(version: &Version, config: &LeveledConfig) -> Pick {
    let above = || Level::all().filter(|level| *level != Level::LAST);
    let above_size: u64 = above().map(|level| size(version.level(level))).sum();
    if above_size.saturating_mul(FANOUT) < size(version.level(Level::LAST)) {
        return Pick::Nothing;
    }
    let picker = Picker { version, config, shape: LevelSizes::of(version, config) };
    match above().find(|level| !version.level(*level).is_empty()) {
        None => Pick::Nothing,
        Some(Level::ZERO) => picker.all_runs(),
        Some(level) => picker.cheapest_file(level),
    }
}

/// Bytes that levels hold above what they should: what compaction is behind.
pub(super) fn debt(version: &Version, config: &LeveledConfig) -> u64 {
    LevelSizes::of(version, config).excess()
}

/// A version that is looked at.
struct Picker<'v> {
    version: &'v Version,
    config: &'v LeveledConfig,
    shape: LevelSizes<'v>,
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

    /// The file of a level that is worth most for what its merge has to read below.
    fn cheapest_file(&self, level: Level) -> Pick {
        let next = self.version.level(self.shape.next(level));
        let cost = |meta: &SstMeta| {
            let overlap = size(&next[sharing(next, &meta.smallest, &meta.end)]);
            1000 * u128::from(overlap) / self.shape.weight(meta).max(1)
        };
        let files = self.version.level(level).iter().enumerate();
        let cheapest = files.min_by_key(|(_, meta)| cost(meta));
        cheapest.map_or(Pick::Nothing, |(place, _)| self.down(level, place..place + 1))
    }

    /// Takes files of a level one level down, with all that shares their range there.
    fn down(&self, level: Level, places: Range<usize>) -> Pick {
        let files = &self.version.level(level)[places];
        let to = self.shape.next(level);
        let (Some(smallest), Some(end)) =
            (files.iter().map(|meta| &meta.smallest).min(), files.iter().map(|meta| &meta.end).max())
        else {
            return Pick::Nothing;
        };
        let below = self.version.level(to);
        let shared = sharing(below, smallest, end);
        let max_sst_size = self.config.max_sst_size;
        if shared.is_empty() && files.iter().all(|meta| moves(meta, max_sst_size)) && are_disjoint(files) {
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

/// The places of the files of a level below 0 that can hold keys from `smallest` on and before `end`; where there are none,
/// the place where they would stand.
fn sharing(files: &[Arc<SstMeta>], smallest: &[u8], end: &[u8]) -> Range<usize> {
    let start = files.partition_point(|meta| *meta.end <= *smallest);
    let count = files[start..].partition_point(|meta| *meta.smallest < *end);
    start..start + count
}
