//! The strategies by name, and what each decides.

use super::level_sizes::LeveledConfig;
use super::pick::Pick;
use super::runs::Runs;
use super::{leveled, tiered, universal};
use crate::base::{KeyRange, SeqNo};
use crate::manifest::Version;
use crate::sst::SstMeta;

/// How sorted files are merged in the background: what is gained in one place is paid in another.
///
/// | | bytes written for each byte of yours | sorted runs that a read searches | space, for each live byte |
/// |---|---|---|---|
/// | `Leveled` | some 10 to 20 | up to 4, and one for each level: 2 or 3 | some 1.1 to 1.3 |
/// | `Universal` | some 3 to 6 | up to 6 | up to 2, and 3 while everything is merged |
/// | `Tiered` | some 2 to 4 | up to some 12 | not bounded by much until it is idle: up to 5 |
///
/// A database can be opened with another strategy than the one it was written with: what is there is taken as it is, and comes into
/// its new shape bit by bit.
///
/// ```
/// let db = walnut::Database::builder().compaction(walnut::Compaction::Universal).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Compaction {
    /// Levels, each ten times as large as the one above; nine tenths of the data are one sorted run. Reads and scans are fastest
    /// and space is smallest; each byte is written again and again. Merges are small.
    #[default]
    Leveled,
    /// Runs of like size are merged, four at a time. Writes cost least; a read searches more runs, and dead versions stay longer.
    /// For logs, queues and loads that write far more than they read.
    Tiered,
    /// Runs are merged whenever there are six, and all of them whenever those above the oldest take as much as it does. Writes
    /// cost less than with `Leveled`, space stays bounded, but for the time of a full merge it is needed again.
    Universal,
}

impl Compaction {
    /// What a version asks for by the sizes in it.
    pub(crate) fn pick(self, version: &Version, config: &LeveledConfig) -> Pick {
        match self {
            Self::Leveled => leveled::pick(version, config),
            Self::Tiered => tiered::pick(version, config),
            Self::Universal => universal::pick(version, config),
        }
    }

    /// What gives space back when nothing is due. What is dead can be dropped at or below `watermark`; given
    /// [`SeqNo::MAX`], what there may be to do one day.
    pub(crate) fn pick_idle(self, version: &Version, config: &LeveledConfig, watermark: SeqNo) -> Pick {
        match self {
            Self::Leveled => leveled::pick_idle(version, config, watermark),
            Self::Tiered => tiered::pick_idle(version, config, watermark),
            Self::Universal => universal::pick_idle(version, config, watermark),
        }
    }

    /// What takes away what is dead in a range in which a reader had to step over much of it, at or below `watermark`, however little it
    /// is of its files.
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
            Self::Leveled => leveled::give_back(version, config, watermark, &is_wanted),
            Self::Tiered | Self::Universal => Runs::of(version, config).give_back(watermark, &is_wanted),
        }
    }

    /// What makes reads cheaper when nothing else is to do: towards one sorted run, where that rewrites ten times what is merged into
    /// it at most.
    pub(crate) fn pick_full_merge(self, version: &Version, config: &LeveledConfig) -> Pick {
        match self {
            Self::Leveled => leveled::pick_full_merge(version, config),
            Self::Tiered => tiered::pick_full_merge(version, config),
            Self::Universal => universal::pick_full_merge(version, config),
        }
    }

    /// Bytes by which compaction is behind: those that wait for merges that should have been.
    pub(crate) fn debt(self, version: &Version, config: &LeveledConfig) -> u64 {
        match self {
            Self::Leveled => leveled::debt(version, config),
            Self::Tiered => tiered::debt(version, config),
            Self::Universal => universal::debt(version, config),
        }
    }
}
