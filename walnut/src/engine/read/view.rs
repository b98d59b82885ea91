//! What a reader searches: memtables and SSTs at one moment.

use crate::base::{FileNumber, KeyRange, SeqNo};
use crate::engine::read::levels::Levels;
use crate::memtable::Memtable;
use crate::sync::Arc;

/// Everything there is to read, newest first. Never changed; a new one replaces it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct View {
    /// Where commits go.
    pub(in crate::engine) active: Arc<Memtable>,
    /// Full memtables that wait for their flush, newest first.
    pub(in crate::engine) frozen: Vec<Frozen>,
    /// The SSTs of a version.
    pub(in crate::engine) levels: Arc<Levels>,
}

#[derive(Clone, Debug)]
pub(in crate::engine) struct Frozen {
    pub(in crate::engine) memtable: Arc<Memtable>,
    /// The first log segment that holds nothing of it: once it is flushed, the log begins there.
    pub(in crate::engine) next_log: FileNumber,
    /// What was known to be dead when it was frozen: see
    /// [`DeadRanges::dead_at`](crate::mvcc::DeadRanges::dead_at).
    pub(in crate::engine) dead: Arc<[(KeyRange, SeqNo)]>,
}

impl Frozen {
    /// A memtable of which no dead range is known.
    pub(in crate::engine) fn new(memtable: Arc<Memtable>, next_log: FileNumber) -> Self {
        Self { memtable, next_log, dead: Arc::default() }
    }
}

impl View {
    /// The memtables, newest first.
    pub(in crate::engine) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        std::iter::once(&self.active).chain(self.frozen.iter().map(|frozen| &frozen.memtable))
    }

    pub(in crate::engine) fn frozen_size(&self) -> usize {
        self.frozen.iter().map(|frozen| frozen.memtable.size()).sum()
    }

    /// The same with the active memtable frozen and a new one in its place.
    pub(in crate::engine) fn with_frozen(
        &self,
        next_log: FileNumber,
        dead: &Arc<[(KeyRange, SeqNo)]>,
        active: &Arc<Memtable>,
    ) -> Self {
        let mut frozen = Vec::with_capacity(self.frozen.len() + 1);
        frozen.push(Frozen { memtable: Arc::clone(&self.active), next_log, dead: Arc::clone(dead) });
        frozen.extend_from_slice(&self.frozen);
        Self { active: Arc::clone(active), frozen, levels: Arc::clone(&self.levels) }
    }

    /// The same with other SSTs.
    pub(in crate::engine) fn with_levels(&self, levels: &Arc<Levels>) -> Self {
        Self { levels: Arc::clone(levels), ..self.clone() }
    }

    /// The same without the oldest frozen memtable, which is in these SSTs.
    pub(in crate::engine) fn with_flushed(&self, levels: &Arc<Levels>) -> Self {
        let mut view = self.with_levels(levels);
        view.frozen.pop();
        view
    }
}
