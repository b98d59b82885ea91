//! Few runs, and never more above the oldest than in it: the strategy between the two others.
//!
//! ```text
//!   space   the newer runs count for as much as the oldest: all into one
//!   ratio   six runs or more: neighbours of which each is no larger than those before it together
//!   count   and when there are none such: the newest, so many that there are fewer than six
//! ```

use super::level_sizes::LeveledConfig;
use super::pick::Pick;
use super::runs::Runs;
use crate::base::SeqNo;
use crate::manifest::Version;

/// The runs at which some are merged.
const RUN_LIMIT: usize = 6;

/// What is due by the number and the sizes of runs.
pub(super) fn pick(version: &Version, config: &LeveledConfig) -> Pick {
    let runs = Runs::of(version, config);
    if runs.newer_and_oldest().is_some_and(|(newer, oldest)| newer >= oldest) {
        return runs.merge_all();
    }
    if runs.count() < RUN_LIMIT {
        return Pick::Nothing;
    }
    for start in 0..runs.count() - 1 {
        let mut merged = runs.size(start);
        let mut end = start + 1;
        while end < runs.count() && runs.size(end) <= merged {
            merged += runs.size(end);
            end += 1;
        }
        if end - start >= 2 {
            return runs.merge(start..end);
        }
    }
    runs.merge(0..runs.count() - RUN_LIMIT + 2)
}

/// See [`Runs::pick_idle`].
pub(super) fn pick_idle(version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
    Runs::of(version, config).pick_idle(watermark)
}

/// See [`Runs::pick_full_merge`].
pub(super) fn pick_full_merge(version: &Version, config: &LeveledConfig) -> Pick {
    Runs::of(version, config).pick_full_merge()
}

/// Bytes of runs that came faster than they were merged.
pub(super) fn debt(version: &Version, config: &LeveledConfig) -> u64 {
    Runs::of(version, config).excess(RUN_LIMIT)
}
