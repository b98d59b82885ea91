//! Runs of like size are merged: the strategy for writing little.
//!
//! ```text
//!   minor      four neighbours of one tier, a tier being sizes within a factor of four    | 1 1 1 1 | 4 4 | 16 |
//!   tombstone  a run whose tombstones may take half of the next older one away, with that one
//!   major      what is newer counts for four times the oldest run: all into one
//! ```
//!
//! An entry is written once for each tier, so a handful of times in all; dead versions stay until their runs happen to meet.

use super::level_sizes::{LeveledConfig, RUN_LIMIT};
use super::pick::Pick;
use super::runs::Runs;
use crate::base::SeqNo;
use crate::manifest::Version;

/// How many times larger than the tier before a tier is.
const TIER_FACTOR: u64 = 4;

/// How many runs there are at most when nothing is due: more than that only when sizes are all mixed up.
const RUN_CAP: usize = 24;

/// How many times more than the oldest run the others may count for.
const MAJOR_FACTOR: u128 = 4;

/// Runs up to which compaction is not behind.
const CALM_RUN_COUNT: usize = 12;

/// What is due by the number and the sizes of runs.
pub(super) fn pick(version: &Version, config: &LeveledConfig) -> Pick {
    let runs = Runs::of(version, config);
    if let Some((newer, oldest)) = runs.newer_and_oldest()
        && runs.count() >= RUN_LIMIT
        && newer >= MAJOR_FACTOR * oldest
    {
        return runs.merge_all();
    }
    let tombstones = |place: &usize| {
        let gain = runs.weight(*place) - u128::from(runs.size(*place));
        gain > 0 && 2 * gain >= u128::from(runs.size(place + 1))
    };
    if let Some(place) = (0..runs.count().saturating_sub(1)).find(tombstones) {
        return runs.merge(place..place + 2);
    }
    minor(&runs, config)
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
    Runs::of(version, config).excess(CALM_RUN_COUNT)
}

/// Merges neighbours of the lowest tier that has enough of them side by side, together with smaller ones between them.
fn minor(runs: &Runs<'_>, config: &LeveledConfig) -> Pick {
    let tiers: Vec<u32> = (0..runs.count()).map(|place| tier(runs.size(place), config)).collect();
    for tier in 0..=tiers.iter().copied().max().unwrap_or_default() {
        let mut start = 0;
        for stretch in tiers.split(|other| *other > tier) {
            let (first, count) = (stretch.iter().position(|other| *other == tier), stretch.len());
            if stretch.iter().filter(|other| **other == tier).count() >= RUN_LIMIT {
                return runs.merge(start + first.unwrap_or_default()..start + count);
            }
            start += count + 1;
        }
    }
    if runs.count() < RUN_CAP {
        return Pick::Nothing;
    }
    let size = |start: usize| (start..start + RUN_LIMIT).map(|place| runs.size(place)).sum::<u64>();
    let cheapest = (0..=runs.count() - RUN_LIMIT).min_by_key(|start| size(*start));
    cheapest.map_or(Pick::Nothing, |start| runs.merge(start..start + RUN_LIMIT))
}

/// The tier of a run: 0 up to the base size, then one more for each factor.
fn tier(size: u64, config: &LeveledConfig) -> u32 {
    let mut limit = config.base_level_size;
    let mut tier = 0;
    while size > limit {
        limit = limit.saturating_mul(TIER_FACTOR);
        tier += 1;
    }
    tier
}
