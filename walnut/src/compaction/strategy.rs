//! The compaction strategies that a user can choose, and the calls that each of them answers.

use super::level_sizes::LeveledConfig;
use super::pick::Pick;
use super::runs::Runs;
use super::{leveled, tiered, universal};
use crate::base::{KeyRange, SeqNo};
use crate::manifest::Version;
use crate::sst::SstMeta;

/// How SSTs are merged in the background: a trade of write, read and space amplification.
///
/// | | bytes written per user byte | sorted runs that a read searches | space per live byte |
/// |---|---|---|---|
/// | `Leveled` | some 10 to 20 | up to 4, and one for each level: 2 or 3 | some 1.1 to 1.3 |
/// | `Universal` | some 3 to 6 | up to 6 | up to 2, and 3 while everything is merged |
/// | `Tiered` | some 2 to 4 | up to some 12 | not bounded by much until it is idle: up to 5 |
///
/// A database can be opened with another strategy than the one it was written with: existing files
/// are kept as they are, and change to the new layout step by step.
///
/// ```
/// let db = walnut::Database::builder().compaction(walnut::Compaction::Universal).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Compaction {
    /// Levels, each ten times as large as the one above; 90 % of the data is in one sorted run.
    /// Reads and scans are fastest and space is smallest, but each byte is rewritten often. Merges
    /// are small.
    #[default]
    Leveled,
    /// Runs of similar size are merged, four at a time. Writes cost least; a read searches more
    /// runs, and dead versions stay longer. For logs, queues and loads that write far more than
    /// they read.
    Tiered,
    /// Some runs are merged whenever there are six, and all of them whenever the newer runs are as
    /// large as the oldest. Writes cost less than with `Leveled` and space stays bounded, but a
    /// full merge needs the same space again while it runs.
    Universal,
}

impl Compaction {
    /// Picks a compaction by the sizes of levels and runs.
    pub(crate) fn pick(self, version: &Version, config: &LeveledConfig) -> Pick {
        match self {
            Self::Leveled => leveled::pick(version, config),
            Self::Tiered => tiered::pick(version, config),
            Self::Universal => universal::pick(version, config),
        }
    }

    /// Picks a compaction that frees space when [`pick`](Self::pick) finds nothing. Garbage can be
    /// dropped at or below `watermark`; with [`SeqNo::MAX`] the pick is whatever a later watermark
    /// may allow.
    pub(crate) fn pick_idle(self, version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
        match self {
            Self::Leveled => leveled::pick_idle(version, config, watermark),
            Self::Tiered | Self::Universal => Runs::of(version, config).pick_idle(watermark),
        }
    }

    /// Picks a compaction of a range in which a reader had to skip many dead entries, however small
    /// their part of the file is. Garbage can be dropped at or below `watermark`.
    pub(crate) fn pick_hinted(
        self,
        version: &Version,
        config: &LeveledConfig,
        watermark: SeqNo,
        range: &KeyRange,
    ) -> Pick {
        let is_wanted = |meta: &SstMeta| {
            let has_dead = meta.dead_size > 0 || meta.tombstone_count > 0 || meta.fragment_count > 0;
            has_dead && range.overlaps(&meta.smallest, &meta.end)
        };
        match self {
            Self::Leveled => leveled::pick_garbage(version, config, watermark, &is_wanted),
            Self::Tiered | Self::Universal => Runs::of(version, config).pick_garbage(watermark, &is_wanted),
        }
    }

    /// Picks a compaction towards one sorted run, for cheaper reads, when nothing else is to do. It
    /// rewrites at most ten bytes for each byte that is merged into the last run.
    pub(crate) fn pick_full_merge(self, version: &Version, config: &LeveledConfig) -> Pick {
        match self {
            Self::Leveled => leveled::pick_full_merge(version, config),
            Self::Tiered | Self::Universal => Runs::of(version, config).pick_full_merge(),
        }
    }

    /// Compaction debt: bytes that wait for merges that are overdue.
    pub(crate) fn debt(self, version: &Version, config: &LeveledConfig) -> u64 {
        match self {
            Self::Leveled => leveled::debt(version, config),
            Self::Tiered => tiered::debt(version, config),
            Self::Universal => universal::debt(version, config),
        }
    }
}
