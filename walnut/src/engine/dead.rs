//! What readers have found to be dead, for those that come after: see [`DeadRanges`](crate::mvcc::DeadRanges).

use super::Core;
use super::view::View;
use crate::base::{KeyRange, SeqNo, Stretch};
use crate::cursor::DeadKeys;

impl DeadKeys for Core {
    fn around(&self, key: &[u8], at: SeqNo) -> Option<Stretch> {
        self.dead.around(key, at)
    }

    fn note(&self, range: KeyRange, at: SeqNo, passed: u64) {
        let probe = range.clone();
        // The view is loaded when writers know of the range, so it is not older than what they write to.
        self.dead.add(range, at, passed, || {
            let view = self.view.load();
            // Asked behind the view: what was dropped from it is known by then.
            self.snapshots.is_history_whole_above(at) && view.is_surely_unchanged_within(&probe, at)
        });
    }
}

impl View {
    /// Whether no entry of `range` is above `at`; `false` also when that takes more than a look at what came since.
    fn is_surely_unchanged_within(&self, range: &KeyRange, at: SeqNo) -> bool {
        let mut memtables = self.memtables().filter(|memtable| memtable.max_lsn() > at);
        let mut ssts = self.levels.ssts().map(|(_, sst)| sst.meta()).filter(|meta| meta.largest_seqno > at);
        memtables.all(|memtable| memtable.is_changed_within(range, at) == Some(false))
            && !ssts.any(|meta| range.meets(&meta.smallest, &meta.end))
    }
}
