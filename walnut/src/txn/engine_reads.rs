//! Reads of a transaction whose engine is in this process.

use super::optimistic::Txn;
use super::reader::EntryReader;
use crate::engine::Core;
use crate::error::Result;
use crate::sync::Arc;

/// A caller in one place is compiled together with its reads.
pub(crate) struct EngineReads<'a> {
    txn: &'a Txn,
    core: &'a Arc<Core>,
}

impl<'a> EngineReads<'a> {
    #[inline(always)]
    pub(super) fn new(txn: &'a Txn, core: &'a Arc<Core>) -> Self {
        Self { txn, core }
    }

    /// Calls `reads` with a reader of the snapshot merged with the writes.
    #[inline(always)]
    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.txn.at();
        self.core.read_held(
            || self.txn.hold(),
            |base, writes| reads(EntryReader::Merged { base, writes: &writes, reads: self.txn.reads() }),
        )
    }
}
