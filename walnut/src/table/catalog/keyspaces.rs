//! The catalog of the raw engine's keyspaces: their names and ids.
//!
//! ```text
//!   00000000 's' name      -> version of this form (1), then the keyspace's id, u32 little-endian
//! ```
//!
//! Keyspaces have names of their own: a table and a keyspace of one name are unrelated.
//!
//! 1. An id is used once. Writes under the id of a dropped keyspace would never be found again, so
//!    there are none: each commit that writes to a keyspace has its catalog entry in the read set
//!    and conflicts with a drop, and handles are marked as dropped before the drop is committed.
//! 2. One thread at a time creates or drops a keyspace, so no thread caches one that another has
//!    just dropped.

use std::path::Path;
use std::sync::Arc;

use crate::base::{KeyRange, KeyspaceId, successor};
use crate::batch::EntryBatch;
use crate::engine::{Durability, ReadSet};
use crate::error::{Error, Fault, Result};
use crate::sync::{AtomicBool, Ordering};
use crate::table::catalog;
use crate::table::source::shared::note_dropped;
use crate::table::source::store::Store;
use crate::txn::{EntryReader, EntryScan, Storage, Txn, commit_and_record};

/// The version of the stored format.
const FORM: u8 = 1;

/// The longest name, in bytes.
const MAX_NAME_SIZE: usize = 255;

#[derive(Debug)]
pub(crate) struct OpenKeyspace {
    name: String,
    id: KeyspaceId,
    dropped: AtomicBool,
}

impl OpenKeyspace {
    fn new(name: &str, id: KeyspaceId) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), id, dropped: AtomicBool::new(false) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn prefix(&self) -> [u8; 4] {
        self.id.prefix()
    }

    pub(in crate::table) fn catalog_key(&self) -> Vec<u8> {
        keyspace_key(&self.name)
    }

    /// Whether this is its entry in the catalog.
    pub(in crate::table) fn is_stored_as(&self, entry: &[u8]) -> bool {
        decode(entry).is_ok_and(|id| id == self.id)
    }

    fn ensure_there(&self) -> Result<()> {
        if self.dropped.load(Ordering::Acquire) { Err(Error::Dropped) } else { Ok(()) }
    }
}

impl Store {
    /// The keyspace of this name, which is created if there is none.
    pub(crate) fn keyspace(&self, name: &str) -> Result<Arc<OpenKeyspace>> {
        check_name(name)?;
        if let Some(keyspace) = self.keyspaces.lock().get(name) {
            return Ok(Arc::clone(keyspace));
        }
        let _guard = self.schema_lock.lock();
        if let Some(keyspace) = self.keyspaces.lock().get(name) {
            return Ok(Arc::clone(keyspace));
        }
        let id = self.change_internally(self.durability(), |txn| self.open_keyspace(txn, name))?;
        let keyspace = OpenKeyspace::new(name, id);
        self.keyspaces.lock().insert(name.to_owned(), Arc::clone(&keyspace));
        Ok(keyspace)
    }

    pub(crate) fn keyspace_names(&self) -> Result<Vec<String>> {
        names(|range| self.scan_now(range))
    }

    /// Removes a keyspace and its keys; returns whether there was one.
    pub(crate) fn drop_keyspace(&self, name: &str) -> Result<bool> {
        let _guard = self.schema_lock.lock();
        let known = self.keyspaces.lock().get(name).cloned();
        self.drop_with(known.as_deref().map(|keyspace| &keyspace.dropped), |txn| {
            let key = keyspace_key(name);
            let Some(id) = txn.get(&key, decode)? else { return Ok(false) };
            let id = id.map_err(|fault| fault.at(self.dir(), 0))?;
            txn.delete(&key);
            clear_keyspace(txn, id);
            Ok(true)
        })
        .inspect(|_| {
            self.keyspaces.lock().remove(name);
            // What is not emptied now is emptied when the next table is dropped or opened.
            let _ = self.empty_dropped();
        })
    }

    /// Runs a drop, and marks open handles before the drop is visible.
    pub(in crate::table) fn drop_with(
        &self,
        flag: Option<&AtomicBool>,
        statement: impl FnMut(&Txn) -> Result<bool>,
    ) -> Result<bool> {
        let tell = |dropped| {
            if let Some(flag) = flag {
                flag.store(dropped, Ordering::Release);
            }
        };
        tell(true);
        // The space is freed when the delete is flushed in a quiet moment and compaction meets the
        // range in a file.
        self.change(statement).inspect_err(|_| tell(false))
    }

    /// Commits a batch over keyspaces. It reads nothing, so it conflicts only with a drop.
    pub(crate) fn write(
        &self,
        keyspaces: &[Arc<OpenKeyspace>],
        batch: EntryBatch,
        durability: Durability,
    ) -> Result<()> {
        let Storage::Engine(core) = self.storage() else {
            return self.write_remotely(keyspaces, &batch, durability);
        };
        let pin = core.pin_applied();
        keyspaces.iter().try_for_each(|keyspace| keyspace.ensure_there())?;
        let keys = keyspaces.iter().map(|keyspace| keyspace_key(&keyspace.name)).collect();
        let reads = ReadSet { pin: Some(pin), keys, ranges: Vec::new() };
        match commit_and_record(self.storage().address(), None, batch, |batch| {
            core.commit(reads, batch, durability)
        }) {
            Err(Error::Conflict) => Err(Error::Dropped),
            done => done,
        }
    }

    fn open_keyspace(&self, txn: &Txn, name: &str) -> Result<KeyspaceId> {
        let key = keyspace_key(name);
        if let Some(id) = txn.get(&key, decode)? {
            return id.map_err(|fault| fault.at(self.dir(), 0));
        }
        let id = catalog::allocate(txn, self.dir())?;
        txn.put(&key, &[&[FORM][..], &id.0.to_le_bytes()].concat());
        Ok(id)
    }
}

/// The keyspace of this name in a snapshot; `None` if there is none.
pub(crate) fn keyspace_in(
    reader: EntryReader<'_>,
    name: &str,
    dir: &Path,
) -> Result<Option<Arc<OpenKeyspace>>> {
    let id = reader.get(&keyspace_key(name), decode)?.transpose().map_err(|fault| fault.at(dir, 0))?;
    Ok(id.map(|id| OpenKeyspace::new(name, id)))
}

pub(in crate::table) fn all(
    scan: impl FnOnce(KeyRange) -> Result<EntryScan>,
    dir: &Path,
) -> Result<Vec<(String, u32)>> {
    let found = catalog::entries_under(scan, &keyspace_key(""))?;
    let id = |(name, bytes): (String, Vec<u8>)| Ok((name, decode(&bytes)?.0));
    found.into_iter().map(id).collect::<Result<_, Fault>>().map_err(|fault| fault.at(dir, 0))
}

pub(in crate::table) fn names(scan: impl FnOnce(KeyRange) -> Result<EntryScan>) -> Result<Vec<String>> {
    catalog::names_under(scan, &keyspace_key(""))
}

/// Deletes all keys of a keyspace at the commit.
pub(super) fn clear_keyspace(txn: &Txn, id: KeyspaceId) {
    if txn.session().is_some() {
        return note_dropped(txn, id);
    }
    let start = id.prefix();
    let end = successor(&start).expect("the last id is never given");
    txn.clear(KeyRange { start: start.to_vec(), end: Some(end) });
}

pub(in crate::table) fn keyspace_key(name: &str) -> Vec<u8> {
    catalog::catalog_key(b's', name.as_bytes())
}

fn decode(bytes: &[u8]) -> Result<KeyspaceId, Fault> {
    match bytes {
        [FORM, id @ ..] => id
            .try_into()
            .map(u32::from_le_bytes)
            .map(KeyspaceId)
            .map_err(|_| Fault::Invalid("stored keyspace")),
        _ => Err(Fault::Invalid("form of a stored keyspace")),
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_SIZE {
        return Err(Error::Unsupported("a keyspace whose name is empty or longer than 255 bytes"));
    }
    Ok(())
}
