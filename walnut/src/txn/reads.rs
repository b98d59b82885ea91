//! The reads of a transaction: its snapshot merged with its writes.

use super::base_scan::BaseScan;
use super::merged_scan::MergedScan;
use super::optimistic::Txn;
use super::reader::EntryReader;
use super::remote::RemoteReader;
use super::scan::EntryScan;
use super::storage::StorageSession;
use crate::backend::{RemoteScan, RemoteSession, RemoteValue};
use crate::base::KeyRange;
use crate::engine::Core;
use crate::error::{Error, Result};
use crate::sync::Arc;

impl Txn {
    /// Calls `reads` with a reader of the snapshot merged with the writes.
    #[inline]
    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &self.storage {
            StorageSession::Engine(core) => EngineReads::new(self, core).read(reads),
            StorageSession::Remote(session) => self.read_remotely(session, reads),
        }
    }

    /// The same as a value, if the engine is in this process.
    #[inline(always)]
    pub(crate) fn engine_reads(&self) -> Option<EngineReads<'_>> {
        match &self.storage {
            StorageSession::Engine(core) => Some(EngineReads::new(self, core)),
            StorageSession::Remote(_) => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn read_remotely<R>(
        &self,
        session: &Arc<RemoteSession>,
        reads: impl FnOnce(EntryReader<'_>) -> Result<R>,
    ) -> Result<R> {
        let writes = self.active(|active| active.writes.share())?;
        reads(EntryReader::Remote(RemoteReader::under(session, &writes, self.reads())))
    }

    /// Like [`read`](Self::read) without the writes, and without an entry in the read set.
    pub(crate) fn read_base<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        match &self.storage {
            StorageSession::Engine(core) => {
                self.at();
                core.read_held(|| self.hold(), |base, _| reads(EntryReader::Engine(base)))
            }
            StorageSession::Remote(session) => reads(EntryReader::Remote(RemoteReader::new(session))),
        }
    }

    /// Calls `found` with the value of `key`; returns `None` if there is none.
    pub(crate) fn get<R>(&self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        match &self.storage {
            StorageSession::Engine(core) => {
                EngineReads::new(self, core).read(|reader| reader.get(key, found))
            }
            StorageSession::Remote(session) => {
                Ok(self.get_remotely(session, key)?.map(|value| found(&value)))
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn get_remotely(&self, session: &Arc<RemoteSession>, key: &[u8]) -> Result<Option<RemoteValue>> {
        let writes = self.active(|active| active.writes.share())?;
        RemoteReader::under(session, &writes, self.reads()).get(key)
    }

    /// A scan of `range` with the writes so far; it may outlive the transaction.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EntryScan> {
        self.at();
        let (base, writes) = self.active(|active| {
            let base = match &self.storage {
                StorageSession::Engine(core) => {
                    let pin = active.pin.as_ref().ok_or(Error::TransactionEnded)?;
                    BaseScan::Engine(core.scan_at(range.clone(), pin)?)
                }
                StorageSession::Remote(session) => {
                    BaseScan::Remote(RemoteScan::new(Arc::clone(session), range.clone()))
                }
            };
            Ok((base, active.writes.share_ordered()))
        })??;
        Ok(EntryScan::merged(MergedScan::new(base, range, writes, Arc::clone(self.identity().1))))
    }
}

/// Reads of a transaction whose engine is in this process. A caller in one place is compiled
/// together with its reads.
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
            |base, writes| {
                reads(EntryReader::Merged { base, writes: writes.as_deref(), reads: self.txn.reads() })
            },
        )
    }
}
