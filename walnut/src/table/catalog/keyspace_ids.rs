//! The allocation of keyspace ids, from a counter in the catalog.

use std::path::Path;

use super::catalog_key;
use crate::base::KeyspaceId;
use crate::error::{Error, Fault, Result};
use crate::txn::Txn;

/// The first keyspace of a table; lower ones are the store's own.
pub(in crate::table) const FIRST_KEYSPACE: u32 = 16;

/// The kind of the counter's key.
const NEXT_KEYSPACE: u8 = b'n';

pub(in crate::table) fn allocate(txn: &Txn, dir: &Path) -> Result<KeyspaceId> {
    let mut keyspaces = KeyspaceIds::begin(txn, dir)?;
    let id = keyspaces.next()?;
    keyspaces.end(txn);
    Ok(KeyspaceId(id))
}

/// Moves the counter above `last`.
pub(in crate::table) fn reserve_above(txn: &Txn, last: u32, dir: &Path) -> Result<()> {
    let mut keyspaces = KeyspaceIds::begin(txn, dir)?;
    if keyspaces.next <= last {
        keyspaces.next = last.checked_add(1).ok_or(Error::Unsupported("more than four billion keyspaces"))?;
        keyspaces.end(txn);
    }
    Ok(())
}

pub(in crate::table) fn next_keyspace(txn: &Txn) -> Result<u32> {
    Ok(KeyspaceIds::begin(txn, txn.dir())?.next)
}

/// The counter within a transaction.
pub(super) struct KeyspaceIds {
    next: u32,
}

impl KeyspaceIds {
    pub(super) fn begin(txn: &Txn, dir: &Path) -> Result<Self> {
        let key = catalog_key(NEXT_KEYSPACE, &[]);
        let stored = txn.get(&key, |bytes| bytes.try_into().map(u32::from_le_bytes))?;
        let next = match stored {
            None => FIRST_KEYSPACE,
            Some(stored) => {
                stored.map_err(|_| Fault::Invalid("keyspace counter of the catalog").at(dir, 0))?
            }
        };
        Ok(Self { next })
    }

    pub(super) fn next(&mut self) -> Result<u32> {
        let keyspace = self.next;
        self.next = keyspace.checked_add(1).ok_or(Error::Unsupported("more than four billion keyspaces"))?;
        Ok(keyspace)
    }

    pub(super) fn end(self, txn: &Txn) {
        txn.put(&catalog_key(NEXT_KEYSPACE, &[]), &self.next.to_le_bytes());
    }
}
