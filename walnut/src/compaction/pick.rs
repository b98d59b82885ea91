//! Decides what is compacted next.
//!
//! ```text
//!   due    a level is above its target    level 0: all its runs; else one file     and what shares its range below
//!   idle   no level is, but files hold much that nobody can read
//!   full   on demand: everything into one sorted run
//! ```
//!
//! Picks come to an end. Let each entry weigh as many as there are levels from its own to the last, that one included.
//! Every pick moves at least one entry down and adds none; or it rewrites a file of the last level in which something is
//! dead and everything old enough to be dropped, which takes entries away. So the sum of the weights falls with each.

use std::ops::Range;
use std::sync::Arc;

use super::shape::{LeveledConfig, Shape, is_wasteful, size};
use crate::base::SeqNo;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// Files that are no more than this part of the largest size of an SST are small: they are joined with
/// their neighbours, and not moved as they are, or a level would come to hold thousands of them.
const SMALL_PART: u64 = 4;

/// How many times larger than what is merged already a small neighbour may be. So it is rewritten only when it grows by half.
const NEIGHBOUR_FACTOR: u64 = 2;

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pick {
    Nothing,
    Move(Move),
    Merge(Merge),
}

/// Files that go down as they are, because nothing there shares their range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Move {
    pub(crate) from: Level,
    pub(crate) files: Vec<Arc<SstMeta>>,
    pub(crate) to: Level,
}

/// Files that become new ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Merge {
    /// By level from above, the files in the order of their level; none is empty.
    pub(crate) inputs: Vec<(Level, Vec<Arc<SstMeta>>)>,
    pub(crate) output: Level,
}

/// What a level that is above its target asks for: the one that is furthest above.
pub(crate) fn due(version: &Version, config: &LeveledConfig) -> Pick {
    let shape = Shape::of(version, config);
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
pub(crate) fn idle(version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
    let picker = Picker { version, config, shape: Shape::of(version, config) };
    for level in Level::all() {
        let files = version.level(level);
        let wasteful = |meta: &Arc<SstMeta>| meta.largest_seqno <= watermark && is_wasteful(meta);
        let Some(place) = files.iter().position(wasteful) else { continue };
        return match level {
            Level::ZERO => picker.all_runs(),
            Level::LAST => picker.rewrite(place),
            _ => picker.down(level, place..place + 1),
        };
    }
    Pick::Nothing
}

/// Everything into one sorted run; nothing when it is one already in which nothing is dead.
pub(crate) fn full(version: &Version) -> Pick {
    let is_done = |(level, meta): (Level, &Arc<SstMeta>)| {
        level == Level::LAST && meta.dead_size == 0 && meta.tombstone_count == 0 && meta.fragment_count == 0
    };
    if version.files().all(is_done) {
        return Pick::Nothing;
    }
    let inputs = Level::all().map(|level| (level, version.level(level).to_vec()));
    let inputs = inputs.filter(|(_, files)| !files.is_empty()).collect();
    Pick::Merge(Merge { inputs, output: Level::LAST })
}

/// A version that is looked at.
struct Picker<'v> {
    version: &'v Version,
    config: &'v LeveledConfig,
    shape: Shape<'v>,
}

impl Picker<'_> {
    /// All of level 0: an older run must never stay above a newer one that went down.
    fn all_runs(&self) -> Pick {
        self.down(Level::ZERO, 0..self.version.level(Level::ZERO).len())
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
        let files = self.version.level(level)[places].to_vec();
        let to = self.shape.next(level);
        let (Some(smallest), Some(end)) =
            (files.iter().map(|meta| &meta.smallest).min(), files.iter().map(|meta| &meta.end).max())
        else {
            return Pick::Nothing;
        };
        let below = self.version.level(to);
        let shared = sharing(below, smallest, end);
        if shared.is_empty() && files.iter().all(|meta| self.moves(meta)) && are_disjoint(&files) {
            return Pick::Move(Move { from: level, files, to });
        }
        let shared = self.with_neighbours(below, shared, size(&files));
        let inputs = [(level, files), (to, below[shared].to_vec())];
        let inputs = inputs.into_iter().filter(|(_, files)| !files.is_empty()).collect();
        Pick::Merge(Merge { inputs, output: to })
    }

    /// Writes a file of the last level anew.
    fn rewrite(&self, place: usize) -> Pick {
        let files = self.version.level(Level::LAST);
        let places = self.with_neighbours(files, place..place + 1, 0);
        Pick::Merge(Merge { inputs: vec![(Level::LAST, files[places].to_vec())], output: Level::LAST })
    }

    /// Whether a file may go down as it is.
    fn moves(&self, meta: &SstMeta) -> bool {
        meta.size >= self.config.max_sst_size / SMALL_PART && !is_wasteful(meta)
    }

    /// Adds the small files next to `places` for which it is worth it; `merged` is the size of what else is merged.
    fn with_neighbours(&self, files: &[Arc<SstMeta>], places: Range<usize>, merged: u64) -> Range<usize> {
        let Range { mut start, mut end } = places;
        let mut merged = merged + size(&files[start..end]);
        let joins = |meta: &SstMeta, merged: u64| {
            meta.size < self.config.max_sst_size / SMALL_PART
                && meta.size <= merged.saturating_mul(NEIGHBOUR_FACTOR)
        };
        while start > 0 && joins(&files[start - 1], merged) {
            start -= 1;
            merged += files[start].size;
        }
        while end < files.len() && joins(&files[end], merged) {
            merged += files[end].size;
            end += 1;
        }
        start..end
    }
}

/// The places of the files of a level below 0 that can hold keys from `smallest` on and before `end`; where there are none,
/// the place where they would stand.
fn sharing(files: &[Arc<SstMeta>], smallest: &[u8], end: &[u8]) -> Range<usize> {
    let start = files.partition_point(|meta| *meta.end <= *smallest);
    let count = files[start..].partition_point(|meta| *meta.smallest < *end);
    start..start + count
}

fn are_disjoint(files: &[Arc<SstMeta>]) -> bool {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|left, right| left.smallest.cmp(&right.smallest));
    sorted.windows(2).all(|pair| pair[0].end <= pair[1].smallest)
}
