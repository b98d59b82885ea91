//! What there is to do, as every strategy says it, and what is done on demand.
//!
//! Beside it the rules about files that all strategies share: which go where they belong as they are, and which are joined
//! with their neighbours.

use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{is_wasteful, size};
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

impl Pick {
    /// Another pick when there is nothing to do.
    pub(crate) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Nothing { other() } else { self }
    }
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
    /// Runs or parts of them, the newest first, each with the level it stands in; none is empty.
    pub(crate) inputs: Vec<(Level, Vec<Arc<SstMeta>>)>,
    pub(crate) output: Level,
}

/// Everything into one sorted run; nothing when it is one already in which nothing is dead.
pub(crate) fn full(version: &Version) -> Pick {
    let is_done = |(level, meta): (Level, &Arc<SstMeta>)| {
        level == Level::LAST && meta.dead_size == 0 && meta.tombstone_count == 0 && meta.fragment_count == 0
    };
    if version.files().all(is_done) {
        return Pick::Nothing;
    }
    let inputs = version.runs().map(|(level, files)| (level, files.to_vec())).collect();
    Pick::Merge(Merge { inputs, output: Level::LAST })
}

/// Writes a file of the last level anew, together with small ones beside it.
pub(super) fn rewrite(version: &Version, place: usize, max_sst_size: u64) -> Pick {
    let files = version.level(Level::LAST);
    let places = with_neighbours(files, place..place + 1, 0, max_sst_size);
    Pick::Merge(Merge { inputs: vec![(Level::LAST, files[places].to_vec())], output: Level::LAST })
}

/// Whether a file may change its level as it is, where nothing is in its way.
pub(super) fn moves(meta: &SstMeta, max_sst_size: u64) -> bool {
    meta.size >= max_sst_size / SMALL_PART && !is_wasteful(meta)
}

/// Adds the small files next to `places` for which it is worth it; `merged` is the size of what else is merged.
pub(super) fn with_neighbours(
    files: &[Arc<SstMeta>],
    places: Range<usize>,
    merged: u64,
    max_sst_size: u64,
) -> Range<usize> {
    let Range { mut start, mut end } = places;
    let mut merged = merged + size(&files[start..end]);
    let joins = |meta: &SstMeta, merged: u64| {
        meta.size < max_sst_size / SMALL_PART && meta.size <= merged.saturating_mul(NEIGHBOUR_FACTOR)
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

/// Whether no two of these files share a key.
pub(super) fn are_disjoint<'f>(files: impl IntoIterator<Item = &'f Arc<SstMeta>>) -> bool {
    let mut sorted: Vec<_> = files.into_iter().collect();
    sorted.sort_by(|left, right| left.smallest.cmp(&right.smallest));
    sorted.windows(2).all(|pair| pair[0].end <= pair[1].smallest)
}
