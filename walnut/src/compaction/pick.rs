//! The result of a strategy (nothing, a trivial move or a merge), and the rules about files that
//! all strategies share: which files may be moved, and which small neighbours join a merge.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{has_garbage, is_wasteful, size};
use crate::base::FileNumber;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// An SST is small when it is at most this part of the largest size. A small file is merged with
/// its neighbours and never moved, or a level would come to hold thousands of small files.
pub(super) const SMALL_PART: u64 = 4;

/// How many times larger than the rest of the merge a small neighbour may be. So a file is
/// rewritten only when it grows by at least half.
const NEIGHBOUR_FACTOR: u64 = 2;

/// The next compaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pick {
    Nothing,
    Move(Move),
    /// Files that it would write as they are may be left out.
    Merge(Merge),
    /// A merge of everything, which reads every file: damage does not stay unnoticed.
    Full(Merge),
}

impl Pick {
    pub(crate) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Nothing { other() } else { self }
    }
}

/// A trivial move: files that change their level without a rewrite, because no file of the target
/// level shares a key with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Move {
    pub(crate) from: Level,
    pub(crate) files: Vec<Arc<SstMeta>>,
    pub(crate) to: Level,
}

/// A merge of SSTs into new ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Merge {
    /// Runs or parts of runs, newest first, each with its level; none is empty.
    pub(crate) inputs: Vec<(Level, Vec<Arc<SstMeta>>)>,
    pub(crate) output: Level,
}

impl Merge {
    pub(crate) fn input_files(&self) -> impl Iterator<Item = (Level, &Arc<SstMeta>)> {
        self.inputs.iter().flat_map(|(level, files)| files.iter().map(|meta| (*level, meta)))
    }

    pub(super) fn input_numbers(&self) -> HashSet<FileNumber> {
        self.input_files().map(|(_, meta)| meta.number).collect()
    }

    /// The size of all inputs, in bytes.
    pub(crate) fn input_size(&self) -> u64 {
        self.input_files().map(|(_, meta)| meta.size).sum()
    }
}

/// A full compaction into one sorted run. Nothing when there is one run already, without garbage.
pub(crate) fn full(version: &Version) -> Pick {
    let is_done = |(level, meta): (Level, &Arc<SstMeta>)| level == Level::LAST && !has_garbage(meta);
    if version.files().all(is_done) {
        return Pick::Nothing;
    }
    let inputs = version.runs().map(|(level, files)| (level, files.to_vec())).collect();
    Pick::Full(Merge { inputs, output: Level::LAST })
}

/// Rewrites a file of the last level, together with small neighbours.
pub(super) fn rewrite(version: &Version, index: usize, max_sst_size: u64) -> Pick {
    let files = version.level(Level::LAST);
    let range = with_neighbours(files, index..index + 1, 0, max_sst_size);
    Pick::Merge(Merge { inputs: vec![(Level::LAST, files[range].to_vec())], output: Level::LAST })
}

/// Whether a file may be moved as it is: it is not small and holds little garbage.
pub(super) fn can_move(meta: &SstMeta, max_sst_size: u64) -> bool {
    !is_small(meta, max_sst_size) && !is_wasteful(meta)
}

pub(super) fn is_small(meta: &SstMeta, max_sst_size: u64) -> bool {
    meta.size < max_sst_size / SMALL_PART
}

/// Extends `range` by the small neighbours that are worth merging; `merged` is the size in bytes of
/// the other inputs of the merge.
pub(super) fn with_neighbours(
    files: &[Arc<SstMeta>],
    range: Range<usize>,
    merged: u64,
    max_sst_size: u64,
) -> Range<usize> {
    let Range { mut start, mut end } = range;
    let mut merged = merged + size(&files[start..end]);
    let joins = |meta: &SstMeta, merged: u64| {
        is_small(meta, max_sst_size) && meta.size <= merged.saturating_mul(NEIGHBOUR_FACTOR)
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

pub(super) fn are_disjoint<'f>(files: impl IntoIterator<Item = &'f Arc<SstMeta>>) -> bool {
    let mut sorted: Vec<_> = files.into_iter().collect();
    sorted.sort_by(|left, right| left.smallest.cmp(&right.smallest));
    sorted.windows(2).all(|pair| pair[0].end <= pair[1].smallest)
}
