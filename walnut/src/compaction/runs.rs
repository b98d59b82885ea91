//! A version as a list of sorted runs, the view of `tiered` and `universal`.
//!
//! ```text
//!   level 0:  | newest |  | .. |  | .. |     level 6:  | oldest |
//!                       `--------' neighbours are merged, in place of the oldest of them
//! ```
//!
//! 1. Only neighbouring runs are merged, so the newer version of a key keeps coming first.
//! 2. The output goes to the level of the oldest input, or to the last level when no older run is
//!    left. A run of another level than 0 is merged whole, so nothing there is in its way.
//!
//! Picks terminate. A merge of two or more runs leaves fewer runs and moves no entry up. A single
//! run is merged only into the last level, or when it holds garbage that is old enough to be
//! dropped, which removes entries.

use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{FANOUT, LeveledConfig, compensated_size, entry_size, is_wasteful, size};
use super::pick::{Merge, Move, Pick, are_disjoint, can_move, rewrite};
use crate::base::SeqNo;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// The runs of a version, newest first.
pub(super) struct Runs<'v> {
    version: &'v Version,
    config: &'v LeveledConfig,
    list: Vec<(Level, &'v [Arc<SstMeta>])>,
    entry_size: u64,
}

impl<'v> Runs<'v> {
    pub(super) fn of(version: &'v Version, config: &'v LeveledConfig) -> Self {
        Self { version, config, list: version.runs().collect(), entry_size: entry_size(version) }
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn size(&self, index: usize) -> u64 {
        size(self.list[index].1)
    }

    /// The compensated size of a run: see [`compensated_size`].
    pub(super) fn compensated_size(&self, index: usize) -> u128 {
        self.list[index].1.iter().map(|meta| compensated_size(meta, self.entry_size)).sum()
    }

    /// The compensated size of all runs but the oldest, and the plain size of the oldest, for the
    /// estimate of space amplification; `None` when there are fewer than two runs.
    pub(super) fn newer_and_oldest(&self) -> Option<(u128, u128)> {
        let oldest = self.count().checked_sub(1).filter(|oldest| *oldest > 0)?;
        Some(((0..oldest).map(|index| self.compensated_size(index)).sum(), u128::from(self.size(oldest))))
    }

    pub(super) fn merge_all(&self) -> Pick {
        self.merge(0..self.count())
    }

    /// Merges neighbouring runs into one, or moves them when nothing shares a key with them.
    pub(super) fn merge(&self, range: Range<usize>) -> Pick {
        let runs = &self.list[range.clone()];
        let Some(((oldest, _), newer)) = runs.split_last() else { return Pick::Nothing };
        let output = if range.end == self.count() { Level::LAST } else { *oldest };
        // The oldest run stays where it is when the others come to its level.
        let moved = if *oldest == output { newer } else { runs };
        self.move_into(moved, output).unwrap_or_else(|| {
            let inputs = runs.iter().map(|(level, files)| (*level, files.to_vec())).collect();
            Pick::Merge(Merge { inputs, output })
        })
    }

    /// Merges all runs when a tenth of all data is dead or may be hidden by tombstones; otherwise
    /// rewrites a file of the oldest run that holds much garbage, with nothing newer than
    /// `watermark` in it.
    pub(super) fn pick_idle(&self, watermark: SeqNo) -> Pick {
        if let Some((newer, oldest)) = self.newer_and_oldest() {
            let newer_size: u128 = (0..self.count() - 1).map(|index| u128::from(self.size(index))).sum();
            if (newer - newer_size) * u128::from(FANOUT) >= newer_size + oldest {
                return self.merge_all();
            }
        }
        self.pick_garbage(watermark, &is_wasteful)
    }

    /// Picks the first file of the oldest run that `is_wanted` and that has nothing newer than
    /// `watermark`, so that its garbage can be dropped. Newer runs are not considered: their
    /// tombstones are still needed, and to merge these down costs a rewrite of all older runs.
    pub(super) fn pick_garbage(&self, watermark: SeqNo, is_wanted: &dyn Fn(&SstMeta) -> bool) -> Pick {
        let Some((level, files)) = self.list.last() else { return Pick::Nothing };
        let wanted = |meta: &Arc<SstMeta>| meta.largest_seqno <= watermark && is_wanted(meta);
        match files.iter().position(wanted) {
            None => Pick::Nothing,
            Some(index) if *level == Level::LAST => rewrite(self.version, index, self.config.max_sst_size),
            Some(_) => self.merge(self.count() - 1..self.count()),
        }
    }

    /// Merges all runs when the newer ones are at least a tenth of the oldest.
    pub(super) fn pick_full_merge(&self) -> Pick {
        match self.newer_and_oldest() {
            Some((newer, oldest)) if newer * u128::from(FANOUT) >= oldest => self.merge_all(),
            _ => Pick::Nothing,
        }
    }

    /// The size of the newest runs that are more than `allowed`.
    pub(super) fn excess(&self, allowed: usize) -> u64 {
        (0..self.count().saturating_sub(allowed)).map(|index| self.size(index)).sum()
    }

    /// A trivial move of runs of one level, when no two of their files, nor any file of the output
    /// level, share a key.
    fn move_into(&self, moved: &[(Level, &'v [Arc<SstMeta>])], output: Level) -> Option<Pick> {
        let (from, _) = *moved.first()?;
        let files = || moved.iter().flat_map(|(_, files)| files.iter());
        let fits = output != Level::ZERO
            && from != output
            && moved.iter().all(|(level, _)| *level == from)
            && files().all(|meta| can_move(meta, self.config.max_sst_size))
            && are_disjoint(files().chain(self.version.level(output)));
        fits.then(|| Pick::Move(Move { from, files: files().cloned().collect(), to: output }))
    }
}
