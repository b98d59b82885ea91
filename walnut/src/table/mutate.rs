//! How a row changes: the row itself and the index entries whose value changed, within a transaction.

use super::build::shared;
use super::catalog::TableInfo;
use super::entries::IndexEntries;
use super::key::{KeyBytes, KeyWriter};
use super::mapper::Table;
use super::row;
use super::store::Store;
use crate::base::KeyRange;
use crate::error::{Error, Result, UniqueViolation};
use crate::txn::Attempt;

/// The name of the primary key in violations.
pub(super) const PRIMARY_KEY: &str = "primary_key";

/// Bytes in front of every key: the keyspace's id.
pub(super) const PREFIX: usize = 4;

/// The rows of a table within a statement. A method that fails may leave writes behind: the statement that called it ends
/// with the error, and takes them back.
pub(super) struct Mutation<'m> {
    pub(super) attempt: &'m Attempt,
    pub(super) info: &'m TableInfo,
    pub(super) store: &'m Store,
}

/// A row as it is stored, and decoded.
pub(super) struct Old<T> {
    pub(super) row: T,
    pub(super) bytes: Vec<u8>,
}

/// An entry of an index, with the place of its index.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) key: KeyBytes,
    /// Whether the key is the value alone, which has one owner: the primary key then is the entry's value.
    pub(super) owned: bool,
}

impl<'m> Mutation<'m> {
    pub(super) fn new(attempt: &'m Attempt, info: &'m TableInfo, store: &'m Store) -> Self {
        Self { attempt, info, store }
    }

    /// Adds a row; a violation when its primary key or one of its unique values exists.
    pub(super) fn insert<T: Table>(&self, row: &T) -> Result<()> {
        let key = self.info.row_key(row);
        let key = key.finish()?;
        let entries = self.announce(key, row)?;
        if self.attempt.get(key, |_| ())?.is_some() {
            return Err(self.violation(PRIMARY_KEY, &key[PREFIX..]));
        }
        self.write(key, row, &entries, None, || Ok(Vec::new()))
    }

    /// Adds a row or puts it in the place of the one with its primary key, which is returned.
    pub(super) fn upsert<T: Table>(&self, row: &T) -> Result<Option<T>> {
        let key = self.info.row_key(row);
        let key = key.finish()?;
        let entries = self.announce(key, row)?;
        let Some(old) = self.old(key)? else {
            self.write(key, row, &entries, None, || Ok(Vec::new()))?;
            return Ok(None);
        };
        self.put_in_place_of(&old, key, row, &entries)?;
        Ok(Some(old.row))
    }

    /// Puts a row in the place of the one with its primary key, which is returned; an error when there is none.
    pub(super) fn replace<T: Table>(&self, row: &T) -> Result<T> {
        let key = self.info.row_key(row);
        let key = key.finish()?;
        let entries = self.announce(key, row)?;
        let old = self.old(key)?.ok_or(Error::NotFound)?;
        self.put_in_place_of(&old, key, row, &entries)?;
        Ok(old.row)
    }

    /// Changes the row under an engine's key in place, and returns it as it is now.
    pub(super) fn modify<T: Table>(&self, key: &[u8], change: impl FnOnce(&mut T)) -> Result<Option<T>> {
        let Some(Old { mut row, bytes }) = self.old::<T>(key)? else { return Ok(None) };
        let old_entries = self.info.entries(&key[PREFIX..], &row)?;
        change(&mut row);
        if self.info.row_key(&row).finish()? != key {
            return Err(Error::Unsupported(
                "`modify` must leave the primary key as it is; remove the row and insert it under its new key",
            ));
        }
        let entries = self.announce(key, &row)?;
        self.write(key, &row, &entries, Some(&bytes), || Ok(old_entries))?;
        Ok(Some(row))
    }

    /// Removes the row under an engine's key, and returns it.
    pub(super) fn remove<T: Table>(&self, key: &[u8]) -> Result<Option<T>> {
        let Some(old) = self.old::<T>(key)? else { return Ok(None) };
        self.info.numbers.note_removal(self.store, self.info, key, old.row.counted_key())?;
        for entry in self.info.entries(&key[PREFIX..], &old.row)? {
            self.drop_entry(&entry, &key[PREFIX..])?;
        }
        self.attempt.delete(key);
        Ok(Some(old.row))
    }

    /// The engine's key of the row that owns a value of a unique index.
    pub(super) fn owner(&self, entry: &[u8]) -> Result<Option<Vec<u8>>> {
        let prefix = self.info.rows.prefix();
        self.attempt.get(entry, |owner| [&prefix, owner].concat())
    }

    pub(super) fn old<T: Table>(&self, key: &[u8]) -> Result<Option<Old<T>>> {
        let Some(bytes) = self.attempt.get(key, <[u8]>::to_vec)? else { return Ok(None) };
        let row = row::open(&bytes).map_err(|fault| self.attempt.corruption(fault))?;
        Ok(Some(Old { row, bytes }))
    }

    /// The entries of a row that is about to be written. Others who want one of its unique values know of it from now on.
    pub(super) fn announce<T: Table>(&self, key: &[u8], row: &T) -> Result<Vec<Entry>> {
        let entries = self.info.entries(&key[PREFIX..], row)?;
        entries.iter().filter(|entry| entry.owned).for_each(|entry| self.attempt.announce(&entry.key));
        Ok(entries)
    }

    fn put_in_place_of<T: Table>(&self, old: &Old<T>, key: &[u8], row: &T, entries: &[Entry]) -> Result<()> {
        self.write(key, row, entries, Some(&old.bytes), || self.info.entries(&key[PREFIX..], &old.row))
    }

    /// Writes a row and what changed of its entries; nothing when it is stored just so. `old` are the bytes that were stored,
    /// if any, and `old_entries` gives the entries of that row.
    fn write<T: Table>(
        &self,
        key: &[u8],
        row: &T,
        new_entries: &[Entry],
        old: Option<&[u8]>,
        old_entries: impl FnOnce() -> Result<Vec<Entry>>,
    ) -> Result<()> {
        let bytes = row::seal(row)?;
        if old == Some(&bytes) {
            return Ok(());
        }
        let primary_key = &key[PREFIX..];
        let old_entries = old_entries()?;
        for entry in old_entries.iter().filter(|entry| new_entries.binary_search(entry).is_err()) {
            self.drop_entry(entry, primary_key)?;
        }
        for entry in new_entries.iter().filter(|entry| old_entries.binary_search(entry).is_err()) {
            self.add(entry, primary_key)?;
        }
        self.attempt.put(key, &bytes);
        Ok(())
    }

    /// Removes an entry of a row. While an index is being built or off, the entry of a unique value may be that of another row which
    /// has the same value; then this row has one of its own.
    pub(super) fn drop_entry(&self, entry: &Entry, primary_key: &[u8]) -> Result<()> {
        if !entry.owned
            || self.info.indexes[entry.index].is_readable()
            || self.attempt.get(&entry.key, |owner| owner == primary_key)? == Some(true)
        {
            self.attempt.delete(&entry.key);
            return Ok(());
        }
        let shared = shared(&entry.key, primary_key);
        if self.attempt.get(&shared, |_| ())?.is_some() {
            self.attempt.delete(&shared);
        }
        Ok(())
    }

    /// The primary key of a row that shares a value of a unique index with another one, in an index that is being built or off.
    fn sharer(&self, entry: &Entry) -> Result<Option<Vec<u8>>> {
        let mut scan = self.attempt.scan(KeyRange::prefix(&entry.key))?;
        Ok(scan.next()?.map(|found| found.key[entry.key.len()..].to_vec()))
    }

    /// Adds an entry; a violation when its value is unique and has an owner.
    pub(super) fn add(&self, entry: &Entry, primary_key: &[u8]) -> Result<()> {
        if !entry.owned {
            self.attempt.put(&entry.key, &[]);
            return Ok(());
        }
        if let Some(owner) = self.attempt.get(&entry.key, <[u8]>::to_vec)? {
            return Err(self.violation(self.info.schema.indexes[entry.index].name, &owner));
        }
        if !self.info.indexes[entry.index].is_readable()
            && let Some(owner) = self.sharer(entry)?
        {
            return Err(self.violation(self.info.schema.indexes[entry.index].name, &owner));
        }
        self.attempt.put(&entry.key, primary_key);
        Ok(())
    }

    pub(super) fn violation(&self, index: &'static str, owner: &[u8]) -> Error {
        Error::UniqueViolation(UniqueViolation { table: self.info.schema.name, index, owner: owner.into() })
    }
}

impl TableInfo {
    /// All index entries of a row, sorted, each once.
    pub(super) fn entries<T: Table>(&self, primary_key: &[u8], row: &T) -> Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(self.indexes.len());
        for (index, (schema, open)) in self.schema.indexes.iter().zip(&self.indexes).enumerate() {
            let mut found = IndexEntries::new(&open.keyspace.prefix());
            row.encode_index(index, &mut found);
            for entry in found.take() {
                let owned = schema.unique && !entry.has_none;
                let suffix = if owned { &[] } else { primary_key };
                entries.push(Entry { index, key: entry.key.finish_with(suffix)?, owned });
            }
        }
        // Indexes come in order, so only an index of collections can give anything else.
        if !entries.is_sorted_by(|one: &Entry, next| one < next) {
            entries.sort_unstable();
            entries.dedup();
        }
        Ok(entries)
    }
}

/// The engine's key for a key of a keyspace.
pub(super) fn engine_key(prefix: [u8; PREFIX], write: impl FnOnce(&mut KeyWriter)) -> KeyWriter {
    let mut key = KeyWriter::new(&prefix);
    write(&mut key);
    key
}
