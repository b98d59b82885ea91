//! What a reader searches: memtables and SSTs at one moment.

use crate::base::FileNumber;
use crate::memtable::Memtable;
use crate::sst::SstReader;
use crate::sync::Arc;

/// Everything there is to read, newest first. Never changed; a new one replaces it.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Where commits go.
    pub(super) active: Arc<Memtable>,
    /// Full memtables that wait for their flush, newest first.
    pub(super) frozen: Vec<Frozen>,
    /// The runs of level 0, newest first.
    pub(super) ssts: Vec<Arc<SstReader>>,
}

/// A memtable that nobody writes to any more.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    pub(super) memtable: Arc<Memtable>,
    /// The first log segment that holds nothing of it: once it is flushed, the log begins there.
    pub(super) next_log: FileNumber,
}

impl View {
    /// The memtables, newest first.
    pub(super) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        std::iter::once(&self.active).chain(self.frozen.iter().map(|frozen| &frozen.memtable))
    }

    /// The same with the active memtable frozen and a new one in its place.
    pub(super) fn with_frozen(&self, next_log: FileNumber, active: &Arc<Memtable>) -> Self {
        let mut frozen = Vec::with_capacity(self.frozen.len() + 1);
        frozen.push(Frozen { memtable: Arc::clone(&self.active), next_log });
        frozen.extend_from_slice(&self.frozen);
        Self { active: Arc::clone(active), frozen, ssts: self.ssts.clone() }
    }

    /// The same with the oldest frozen memtable replaced by the SST that was written from it, if it held anything.
    pub(super) fn with_flushed(&self, sst: Option<&Arc<SstReader>>) -> Self {
        let mut view = self.clone();
        view.frozen.pop();
        view.ssts = sst.into_iter().chain(&self.ssts).cloned().collect();
        view
    }
}
