//! Tiered compaction: runs of similar size are merged. Few writes.
//!
//! ```text
//!   minor      four neighbours of one tier: sizes within a factor of four   | 1 1 1 1 | 4 4 |
//!   tombstone  a run whose tombstones may hide half of the next older run, with that run
//!   major      the newer runs count for four times the oldest: all runs into one
//! ```
//!
//! An entry is written once for each tier, so a handful of times in all; dead versions stay until
//! their runs happen to be merged.

use super::level_sizes::{LeveledConfig, RUN_LIMIT};
use super::pick::Pick;
use super::runs::Runs;
use crate::manifest::Version;

/// The size of a tier divided by the size of the tier before it.
const TIER_FACTOR: u64 = 4;

/// The number of runs above which some are merged though no tier is full, as happens when runs of
/// different sizes alternate.
const RUN_CAP: usize = 24;

/// The size of the newer runs, divided by the oldest, that triggers a major compaction.
const MAJOR_FACTOR: u128 = 4;

/// The number of runs up to which there is no compaction debt.
const DEBT_FREE_RUN_COUNT: usize = 12;

pub(super) fn pick(version: &Version, config: &LeveledConfig) -> Pick {
    let runs = Runs::of(version, config);
    if let Some((newer, oldest)) = runs.newer_and_oldest()
        && runs.count() >= RUN_LIMIT
        && newer >= MAJOR_FACTOR * oldest
    {
        return runs.merge_all();
    }
    let tombstones = |index: &usize| {
        let gain = runs.compensated_size(*index) - u128::from(runs.size(*index));
        gain > 0 && 2 * gain >= u128::from(runs.size(index + 1))
    };
    if let Some(index) = (0..runs.count().saturating_sub(1)).find(tombstones) {
        return runs.merge(index..index + 2);
    }
    minor(&runs, config)
}

/// Compaction debt: bytes of the runs above the limit.
pub(super) fn debt(version: &Version, config: &LeveledConfig) -> u64 {
    Runs::of(version, config).excess(DEBT_FREE_RUN_COUNT)
}

/// Merges the neighbours of the lowest tier that has enough of them side by side, with smaller runs
/// between them.
fn minor(runs: &Runs<'_>, config: &LeveledConfig) -> Pick {
    let tiers: Vec<u32> = (0..runs.count()).map(|index| tier(runs.size(index), config)).collect();
    for tier in 0..=tiers.iter().copied().max().unwrap_or_default() {
        let mut start = 0;
        for neighbours in tiers.split(|other| *other > tier) {
            let (first, count) = (neighbours.iter().position(|other| *other == tier), neighbours.len());
            if neighbours.iter().filter(|other| **other == tier).count() >= RUN_LIMIT {
                return runs.merge(start + first.unwrap_or_default()..start + count);
            }
            start += count + 1;
        }
    }
    if runs.count() < RUN_CAP {
        return Pick::Nothing;
    }
    let size = |start: usize| (start..start + RUN_LIMIT).map(|index| runs.size(index)).sum::<u64>();
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
