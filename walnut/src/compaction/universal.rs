//! Universal compaction: few runs, and the newer ones never larger than the oldest. Between the
//! other two strategies in writes, reads and space.
//!
//! ```text
//!   space   the newer runs count for as much as the oldest: all runs into one
//!   ratio   six runs or more: neighbours, each at most as large as the ones before it together
//!   count   no such neighbours: the newest runs, so many that fewer than six are left
//! ```

use super::level_sizes::LeveledConfig;
use super::pick::Pick;
use super::runs::Runs;
use crate::manifest::Version;

/// The number of runs that triggers a compaction.
const RUN_LIMIT: usize = 6;

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

/// Compaction debt: bytes of the runs above the limit.
pub(super) fn debt(version: &Version, config: &LeveledConfig) -> u64 {
    Runs::of(version, config).excess(RUN_LIMIT)
}
