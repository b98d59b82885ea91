//! What readers have found to be dead, for those that come after: see
//! [`DeadRanges`](crate::mvcc::DeadRanges).

use std::collections::VecDeque;

use crate::base::{CoveredSpan, KeyRange, SeqNo};
use crate::compaction::Pick;
use crate::cursor::DeadKeys;
use crate::engine::Core;
use crate::engine::read::view::View;
use crate::manifest::Version;
use crate::sync::Mutex;

/// So many dead entries that a reader had to step over are worth a merge: some hundred
/// microseconds.
const MANY: u64 = 1024;

/// Entries that are checked for each that was passed: a check costs as much less than a step.
const CHECKED_PER_PASSED: u64 = 8;

/// How many hints are kept.
const MAX_HINTS: usize = 16;

/// How many picks follow from a hint at most: a file goes from level to level, and there may be
/// several.
const MAX_PICKS: u32 = 32;

/// Where readers had to step over much that is dead: what has it merged, so that it is not stepped
/// over again after a reopening.
#[derive(Debug, Default)]
pub(in crate::engine) struct MergeHints {
    ranges: Mutex<VecDeque<(KeyRange, u32)>>,
}

impl MergeHints {
    /// Adds a hint; the oldest goes when there are too many.
    fn add(&self, range: KeyRange) {
        let mut ranges = self.ranges.lock();
        ranges.truncate(MAX_HINTS - 1);
        ranges.push_front((range, MAX_PICKS));
    }

    /// What `pick` finds for a hint. One for which it finds nothing is done with.
    fn pick(&self, pick: impl Fn(&KeyRange) -> Pick) -> Pick {
        loop {
            let Some((range, count)) = self.ranges.lock().pop_back() else { return Pick::Nothing };
            let found = pick(&range);
            if found != Pick::Nothing {
                if count > 1 {
                    self.ranges.lock().push_back((range, count - 1));
                }
                return found;
            }
        }
    }
}

impl Core {
    /// What there is to do because of hints.
    pub(in crate::engine) fn hinted(&self, version: &Version) -> Pick {
        let (strategy, config) = (self.config.compaction, &self.config.levels);
        self.hints.pick(|range| strategy.pick_hinted(version, config, self.watermark(), range))
    }
}

impl DeadKeys for Core {
    fn around(&self, key: &[u8], at: SeqNo) -> Option<CoveredSpan> {
        self.dead.around(key, at)
    }

    fn note(&self, range: KeyRange, at: SeqNo, passed: u64) {
        let probe = range.clone();
        let hint = (passed >= MANY).then(|| range.clone());
        // The view is loaded when writers know of the range, so it is not older than what they
        // write to.
        self.dead.add(range, at, passed, || {
            let view = self.versions.view();
            // Asked behind the view: what was dropped from it is known by then.
            self.snapshots.is_history_whole_above(at) && view.is_known_unchanged_within(&probe, at, passed)
        });
        // Behind the range, because a merge may drop evidence for it.
        if let Some(hint) = hint {
            self.hints.add(hint);
            self.workers.compactor.wake();
        }
    }
}

impl View {
    /// Whether no entry of `range` is above `at`; `false` also when that takes more than checking
    /// what came since, some times as many entries as the reader has passed.
    fn is_known_unchanged_within(&self, range: &KeyRange, at: SeqNo, passed: u64) -> bool {
        let limit = passed.saturating_mul(CHECKED_PER_PASSED);
        let mut memtables = self.memtables().filter(|memtable| memtable.max_lsn() > at);
        let mut ssts = self.levels.ssts().map(|(_, sst)| sst.meta()).filter(|meta| meta.largest_seqno > at);
        memtables.all(|memtable| memtable.is_changed_within(range, at, limit) == Some(false))
            && !ssts.any(|meta| range.overlaps(&meta.smallest, &meta.end))
    }
}
