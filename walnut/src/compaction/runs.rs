//! A version as a row of runs, which is all that `tiered` and `universal` see of it.
//!
//! ```text
//!   level 0:  | newest |  | .. |  | .. |     level 6:  | oldest |
//!                       `--------' a stretch of neighbours becomes one run, in the place of its oldest
//! ```
//!
//! 1. Only neighbours are merged, so of every key what comes first stays newer.
//! 2. The output stands in the level of the oldest input, or in the last level when nothing older is left. A run of
//!    another level than 0 goes whole, so nothing there is in its way.
//!
//! Picks come to an end. A stretch of two or more leaves fewer runs, and no entry goes up; a single run is merged only into the last
//! level, or where something in it is dead and old enough to be dropped, which takes entries away.

use std::ops::Range;
use std::sync::Arc;

use super::level_sizes::{FANOUT, LeveledConfig, entry_size, is_wasteful, size, weight};
use super::pick::{Merge, Move, Pick, are_disjoint, moves, rewrite};
use crate::base::SeqNo;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// The runs of a version, the newest first.
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

    /// The length of a run.
    pub(super) fn size(&self, place: usize) -> u64 {
        size(self.list[place].1)
    }

    /// What its length counts for: more, by what is dead in it and by what its tombstones may take away.
    pub(super) fn weight(&self, place: usize) -> u128 {
        self.list[place].1.iter().map(|meta| weight(meta, self.entry_size)).sum()
    }

    /// What all runs but the oldest count for, and the length of the oldest; `None` when there is but one.
    pub(super) fn newer_and_oldest(&self) -> Option<(u128, u128)> {
        let oldest = self.count().checked_sub(1).filter(|oldest| *oldest > 0)?;
        Some(((0..oldest).map(|place| self.weight(place)).sum(), u128::from(self.size(oldest))))
    }

    /// All runs into one.
    pub(super) fn merge_all(&self) -> Pick {
        self.merge(0..self.count())
    }

    /// Neighbours into one run.
    pub(super) fn merge(&self, places: Range<usize>) -> Pick {
        let runs = &self.list[places.clone()];
        let Some(((oldest, _), newer)) = runs.split_last() else { return Pick::Nothing };
        let output = if places.end == self.count() { Level::LAST } else { *oldest };
        // The oldest stays only where the others come to it.
        let moving = if *oldest == output { newer } else { runs };
        self.move_into(moving, output).unwrap_or_else(|| {
            let inputs = runs.iter().map(|(level, files)| (*level, files.to_vec())).collect();
            Pick::Merge(Merge { inputs, output })
        })
    }

    /// What gives space back when nothing is due: all into one run when a tenth of everything is dead or may be taken away by
    /// tombstones; then a file of the oldest in which much is dead, all of it at or below `watermark`.
    pub(super) fn pick_idle(&self, watermark: SeqNo) -> Pick {
        if let Some((newer, oldest)) = self.newer_and_oldest() {
            let newer_size: u128 = (0..self.count() - 1).map(|place| u128::from(self.size(place))).sum();
            if (newer - newer_size) * u128::from(FANOUT) >= newer_size + oldest {
                return self.merge_all();
            }
        }
        self.give_back(watermark, &is_wasteful)
    }

    /// What takes away what is dead in the first file of the oldest run that `is_wanted`, all of it at or below `watermark`. In newer runs
    /// tombstones are of use, and to take them down costs the whole of what is beneath.
    pub(super) fn give_back(&self, watermark: SeqNo, is_wanted: &dyn Fn(&SstMeta) -> bool) -> Pick {
        let Some((level, files)) = self.list.last() else { return Pick::Nothing };
        let wanted = |meta: &Arc<SstMeta>| meta.largest_seqno <= watermark && is_wanted(meta);
        match files.iter().position(wanted) {
            None => Pick::Nothing,
            Some(place) if *level == Level::LAST => rewrite(self.version, place, self.config.max_sst_size),
            Some(_) => self.merge(self.count() - 1..self.count()),
        }
    }

    /// All into one run when the newer ones are a tenth of the oldest or more.
    pub(super) fn pick_full_merge(&self) -> Pick {
        match self.newer_and_oldest() {
            Some((newer, oldest)) if newer * u128::from(FANOUT) >= oldest => self.merge_all(),
            _ => Pick::Nothing,
        }
    }

    /// The length of the newest runs, of which there are more than so many.
    pub(super) fn excess(&self, allowed: usize) -> u64 {
        (0..self.count().saturating_sub(allowed)).map(|place| self.size(place)).sum()
    }

    /// Runs of one level that nothing in the output level, nor of each other, shares a key with, go there as they are.
    fn move_into(&self, moving: &[(Level, &'v [Arc<SstMeta>])], output: Level) -> Option<Pick> {
        let (from, _) = *moving.first()?;
        let files = || moving.iter().flat_map(|(_, files)| files.iter());
        let fits = output != Level::ZERO
            && from != output
            && moving.iter().all(|(level, _)| *level == from)
            && files().all(|meta| moves(meta, self.config.max_sst_size))
            && are_disjoint(files().chain(self.version.level(output)));
        fits.then(|| Pick::Move(Move { from, files: files().cloned().collect(), to: output }))
    }
}
