//! The memtables of a log that is followed.

use crate::base::{FileNumber, SeqNo};
use crate::engine::open::load::{Collected, LOAD_SIZE};
use crate::engine::read::view::Frozen;
use crate::error::Result;
use crate::memtable::Memtable;
use crate::sync::Arc;
use crate::wal::Replayed;

/// How many times the configured size a memtable becomes before the next one is begun within a
/// segment, as when a log is replayed.
const OVERGROWN: usize = 2;

/// The entries of a log, in one memtable for each segment, or more for a large one: a writer that
/// freezes a memtable begins a segment, so these are what it flushes.
#[derive(Debug)]
pub(in crate::engine) struct LogMemtables {
    /// Oldest first.
    memtables: Vec<LogMemtable>,
    /// What was read and is in no memtable yet.
    collected: Collected,
    /// The last sequence number that the SSTs had when the log was opened.
    known: SeqNo,
    limit: usize,
}

#[derive(Debug)]
struct LogMemtable {
    memtable: Arc<Memtable>,
    segment: FileNumber,
    /// All its entries are above.
    above: SeqNo,
}

impl LogMemtables {
    /// None yet; entries up to `known` are left out of them.
    pub(in crate::engine) fn new(known: SeqNo, memtable_size: usize) -> Self {
        let limit = memtable_size.saturating_mul(OVERGROWN);
        Self { memtables: Vec::new(), collected: Collected::default(), known, limit }
    }

    /// Adds a commit. It can be read once it is [settled](Self::settle), at the latest.
    pub(in crate::engine) fn add(&mut self, replayed: &Replayed<'_>) -> Result<()> {
        if replayed.segment != self.collected.segment || self.collected.bytes.len() >= LOAD_SIZE {
            self.settle();
        }
        self.collected.add(replayed, self.known)
    }

    /// Inserts what was added.
    pub(in crate::engine) fn settle(&mut self) {
        let Some(load) = self.collected.take() else { return };
        let fits = |last: &LogMemtable| last.segment == load.segment && !last.memtable.is_full(self.limit);
        if !self.memtables.last().is_some_and(fits) {
            let above = SeqNo(load.first.0.saturating_sub(1));
            let memtable = Arc::new(Memtable::new(above));
            self.memtables.push(LogMemtable { memtable, segment: load.segment, above });
        }
        let last = self.memtables.last().expect("one was pushed if there was none");
        last.memtable.insert(load.insertion, load.first);
    }

    /// Drops the memtables whose entries are all in SSTs, which have everything up to `flushed`.
    /// `false` when one is in them in part.
    pub(super) fn release(&mut self, flushed: SeqNo) -> bool {
        self.memtables.retain(|one| one.memtable.max_lsn() > flushed);
        self.memtables.first().is_none_or(|first| first.above >= flushed)
    }

    /// The memtables, oldest first.
    pub(in crate::engine) fn frozen(&self) -> impl Iterator<Item = Frozen> {
        self.memtables.iter().map(|one| Frozen::new(Arc::clone(&one.memtable), one.segment))
    }
}
