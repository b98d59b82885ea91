//! Operations of a store on an engine that several programs share: keyspaces emptied in chunks,
//! indexes dropped by name, writes of keyspaces in a session.
//!
//! ```text
//!   00000000 'd' keyspace   -> nothing: no table has the keyspace any more, and what is in it is to be removed
//! ```
//!
//! A dropped table or index is gone with the commit that drops it. Its keys are removed after that,
//! in commits within the limits of the engine, by the client that has dropped it, or by the next
//! one that opens or drops a table.

use super::store::Store;
use crate::backend::{Mode, RemoteSession};
use crate::base::{KeyRange, KeyspaceId};
use crate::batch::EntryBatch;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::Arc;
use crate::table::catalog;
use crate::table::catalog::keyspaces::OpenKeyspace;
use crate::txn::{Txn, commit_and_record, commit_remotely};

/// The kind of dropped keyspaces in the catalog.
const DROPPED: u8 = b'd';

/// Writes of a commit that the store adds: a slot, generations, the record of a table.
const OWN_WRITES: usize = 24;

/// The most keys that are removed in one commit.
const CHUNK: usize = 1000;

fn dropped_key(id: KeyspaceId) -> Vec<u8> {
    catalog::catalog_key(DROPPED, &id.prefix())
}

/// Records that a keyspace is to be emptied after the commit of `txn`.
pub(in crate::table) fn note_dropped(txn: &Txn, id: KeyspaceId) {
    txn.put(&dropped_key(id), &[]);
}

impl Store {
    /// The number of items in a batch, each of at most `writes` writes: as many as the engine
    /// permits, and at most `most`.
    pub(in crate::table) fn batch_count(&self, most: usize, writes: usize) -> usize {
        let limit = self.client().map_or(usize::MAX, |client| client.limits().commit_count);
        most.min(limit.saturating_sub(OWN_WRITES) / writes.max(1)).max(1)
    }

    /// The size at which a batch ends, where a byte costs at most `factor` bytes of a commit.
    pub(in crate::table) fn batch_size(&self, most: usize, factor: usize) -> usize {
        let limit = self.client().map_or(usize::MAX, |client| client.limits().commit_size);
        most.min(limit / 2 / factor.max(1)).max(1)
    }

    /// Empties dropped keyspaces. Does nothing in a database of one process, which deletes a range
    /// at once.
    ///
    /// Cost: one read; reads each key of a dropped keyspace and removes it, in chunks.
    pub(crate) fn empty_dropped(&self) -> Result<()> {
        if self.client().is_none() {
            return Ok(());
        }
        let prefix = catalog::catalog_key(DROPPED, &[]);
        let mut dropped = Vec::new();
        let mut scan = self.scan_now(KeyRange::prefix(&prefix))?;
        while let Some(found) = scan.next()? {
            let id = found.key[prefix.len()..].try_into().map(u32::from_be_bytes);
            dropped.extend(id.map(KeyspaceId));
        }
        drop(scan);
        for id in dropped {
            while !self.change_internally(self.durability(), |txn| self.empty_some(txn, id))? {}
        }
        Ok(())
    }

    /// Removes some keys of a dropped keyspace; returns whether none is left.
    fn empty_some(&self, txn: &Txn, id: KeyspaceId) -> Result<bool> {
        let noted = dropped_key(id);
        if txn.get(&noted, |_| ())?.is_none() {
            return Ok(true);
        }
        let chunk = self.batch_count(CHUNK, 1);
        let mut scan = txn.scan(KeyRange::prefix(&id.prefix()))?;
        for _ in 0..chunk {
            let Some(found) = scan.next()? else {
                txn.delete(&noted);
                return Ok(true);
            };
            txn.delete(found.key);
        }
        Ok(false)
    }

    /// Drops an index that no struct of this program names; returns whether there was one.
    pub(crate) fn retire_index(&self, table: &str, index: &str) -> Result<bool> {
        let _guard = self.schema_lock.lock();
        let dir = self.dir();
        let retired = self.change(|txn| catalog::retire_index(txn, table, index, dir))?;
        let _ = self.empty_dropped();
        Ok(retired)
    }

    /// Commits a batch over keyspaces of the raw engine. It is repeated after a conflict, since the
    /// batch has read nothing but that its keyspaces exist.
    pub(in crate::table) fn write_remotely(
        &self,
        keyspaces: &[Arc<OpenKeyspace>],
        batch: &EntryBatch,
        durability: Durability,
    ) -> Result<()> {
        let Some(client) = self.client() else { return Err(Error::Unsupported("an engine elsewhere")) };
        self.retry_queue().run(self.storage(), durability, |round| {
            let session = RemoteSession::new(client, Mode::Write);
            let written = Self::ensure_keyspaces(&session, keyspaces).and_then(|()| {
                commit_and_record(self.storage().address(), None, batch.clone(), |batch| {
                    commit_remotely(&session, &batch, durability)
                })
            });
            match written {
                Ok(()) => Ok(Some(())),
                Err(_) if session.is_lost(round) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn ensure_keyspaces(session: &RemoteSession, keyspaces: &[Arc<OpenKeyspace>]) -> Result<()> {
        let keys: Vec<Vec<u8>> = keyspaces.iter().map(|keyspace| keyspace.catalog_key()).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let stored = session.get_many(&keys)?;
        let is_there = |(keyspace, stored): (&Arc<OpenKeyspace>, Option<_>)| {
            stored.is_some_and(|stored: Arc<[u8]>| keyspace.is_stored_as(&stored))
        };
        if keyspaces.iter().zip(stored).all(is_there) { Ok(()) } else { Err(Error::Dropped) }
    }
}
