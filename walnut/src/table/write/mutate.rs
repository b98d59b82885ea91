//! Row mutations within a transaction: the row and the index entries whose value changed.
//!
//! 1. The stored bytes decide: the key and the entries of a row are those of the row as it is
//!    decoded from its bytes, whatever the row in memory is. [`NewRow`] is the one way to the bytes
//!    of a row.
//! 2. The primary key is the same in both, or the row is refused.

use std::ops::Range;

use super::owner;
use super::row_count::row_count_key;
use super::stored_row::StoredRow;
use crate::backend::RemoteSession;
use crate::base::KeyRange;
use crate::error::{Error, Result, UniqueViolation};
use crate::table::catalog::TableInfo;
use crate::table::key::{KeyBytes, KeyWriter};
use crate::table::maintenance::build;
use crate::table::schema::entries::IndexEntries;
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::txn::Txn;

/// The name of the primary key in violations.
pub(in crate::table) const PRIMARY_KEY: &str = "primary_key";

/// The size of the keyspace's id in front of every key.
pub(in crate::table) const PREFIX: usize = 4;

/// Rows that are prefetched in one round trip.
const PREFETCH_COUNT: usize = 256;

/// The rows of a table within a statement. A method that fails may leave writes behind, which the
/// statement undoes.
pub(in crate::table) struct Mutation<'m> {
    pub(in crate::table) txn: &'m Txn,
    pub(in crate::table) info: &'m TableInfo,
    pub(super) store: &'m Store,
}

pub(in crate::table) struct OldRow<T> {
    pub(super) row: T,
    pub(super) bytes: Vec<u8>,
}

pub(in crate::table) struct NewRow {
    pub(super) key: KeyWriter,
    pub(in crate::table) entries: Vec<RowEntry>,
    /// The range of its bytes in the caller's buffer.
    pub(super) bytes: Range<usize>,
}

impl NewRow {
    /// Its unique values.
    pub(super) fn owned(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(|entry| entry.owned).map(|entry| &*entry.key)
    }
}

/// An entry of an index, with the ordinal of its index.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::table) struct RowEntry {
    pub(in crate::table) index: usize,
    pub(in crate::table) key: KeyBytes,
    /// Whether the key is the value alone, which has one owner: the primary key is then the entry's
    /// value.
    pub(in crate::table) owned: bool,
}

impl<'m> Mutation<'m> {
    pub(in crate::table) fn new(txn: &'m Txn, info: &'m TableInfo, store: &'m Store) -> Self {
        Self { txn, info, store }
    }

    /// Prefetches `keys`: on a remote engine they are read in one round trip with the table's
    /// generation, and an outdated schema is an error.
    #[inline(always)]
    pub(in crate::table) fn prefetch<'k, K: AsRef<[&'k [u8]]>>(
        &self,
        keys: impl FnOnce() -> K,
    ) -> Result<()> {
        match self.txn.session() {
            None => Ok(()),
            Some(session) => self.prefetch_remotely(session, keys().as_ref()),
        }
    }

    #[cold]
    #[inline(never)]
    fn prefetch_remotely(&self, session: &RemoteSession, keys: &[&[u8]]) -> Result<()> {
        self.info.ensure_current(session, keys)
    }

    /// Prefetches the keys and unique values of all rows of a statement.
    pub(super) fn prefetch_rows<T: StoredRow>(&self, rows: &[&T]) -> Result<()> {
        if self.txn.session().is_none() {
            return Ok(());
        }
        for rows in rows.chunks(PREFETCH_COUNT) {
            let mut scratch = Vec::new();
            // A row that cannot be encoded is an error of the statement itself.
            let new: Vec<NewRow> =
                rows.iter().filter_map(|row| self.new_row(*row, &mut scratch, &mut None).ok()).collect();
            self.prefetch(|| {
                let keys = new.iter().filter_map(|new| new.key.finish().ok());
                keys.chain(new.iter().flat_map(NewRow::owned)).collect::<Vec<_>>()
            })?;
        }
        Ok(())
    }

    pub(super) fn add_to_row_count(&self, difference: i64) {
        if difference != 0 && self.txn.session().is_none() {
            self.txn.add_to_counter(row_count_key(self.info.rows), difference);
        }
    }

    /// Inserts a row; a violation if its primary key or one of its unique values exists.
    pub(in crate::table) fn insert<T: StoredRow>(&self, row: &T) -> Result<()> {
        self.insert_uncounted(row)?;
        self.add_to_row_count(1);
        Ok(())
    }

    /// Like [`insert`](Self::insert), but leaves the row count to the caller.
    pub(super) fn insert_uncounted<T: StoredRow>(&self, row: &T) -> Result<()> {
        let mut bytes = Vec::with_capacity(256);
        let new = self.reserved_row(row, &mut bytes, &mut None)?;
        let key = new.key.finish()?;
        if self.txn.get(key, |_| ())?.is_some() {
            return Err(self.violation(PRIMARY_KEY, &key[PREFIX..]));
        }
        self.write(&new, &bytes, None, || Ok(Vec::new()))
    }

    /// Inserts a row or replaces the one with its primary key, which is returned.
    pub(in crate::table) fn upsert<T: StoredRow>(&self, row: &T) -> Result<Option<T>> {
        let mut bytes = Vec::with_capacity(256);
        let new = self.reserved_row(row, &mut bytes, &mut None)?;
        let Some(old) = self.old(new.key.finish()?)? else {
            self.write(&new, &bytes, None, || Ok(Vec::new()))?;
            self.add_to_row_count(1);
            return Ok(None);
        };
        self.overwrite(&old, &new, &bytes)?;
        Ok(Some(old.row))
    }

    /// Replaces the row with this primary key and returns the old one; an error if there is none.
    pub(in crate::table) fn replace<T: StoredRow>(&self, row: &T) -> Result<T> {
        let mut bytes = Vec::with_capacity(256);
        let new = self.reserved_row(row, &mut bytes, &mut None)?;
        let old = self.old(new.key.finish()?)?.ok_or(Error::NotFound)?;
        self.overwrite(&old, &new, &bytes)?;
        Ok(old.row)
    }

    /// Changes the row under an engine key in place, and returns the new one.
    pub(in crate::table) fn modify<T: StoredRow>(
        &self,
        key: &[u8],
        change: impl FnOnce(&mut T),
    ) -> Result<Option<T>> {
        self.modify_if(key, |_| Ok(true), change)
    }

    /// Like [`modify`](Self::modify) if the row `is_wanted`; otherwise as if it did not exist.
    pub(in crate::table) fn modify_if<T: StoredRow>(
        &self,
        key: &[u8],
        is_wanted: impl FnOnce(&T) -> Result<bool>,
        change: impl FnOnce(&mut T),
    ) -> Result<Option<T>> {
        let Some(OldRow { mut row, bytes: old }) = self.old::<T>(key)? else { return Ok(None) };
        if !is_wanted(&row)? {
            return Ok(None);
        }
        let old_entries = self.info.entries(&key[PREFIX..], &row)?;
        change(&mut row);
        if self.info.row_key(&row).finish()? != key {
            return Err(Error::Unsupported(
                "`modify` must leave the primary key as it is; remove the row and insert it under its new key",
            ));
        }
        let mut bytes = Vec::with_capacity(256);
        let mut read = None;
        let new = self.reserved_row(&row, &mut bytes, &mut read)?;
        self.write(&new, &bytes, Some(&old), || Ok(old_entries))?;
        Ok(Some(read.unwrap_or(row)))
    }

    /// Rewrites a row of an older layout, whose bytes are `old`, in the newest layout.
    pub(in crate::table) fn migrate<T: Table>(&self, key: &[u8], old: &[u8]) -> Result<()> {
        let primary_key = &key[PREFIX..];
        let row = build::row::<T>(self.info, primary_key, old)?;
        let mut bytes = Vec::with_capacity(256);
        let reserved_row = self.reserved_row(&row, &mut bytes, &mut None);
        let new = reserved_row.map_err(|error| build::unfit(self.info, primary_key, error))?;
        self.write(&new, &bytes, Some(old), || self.info.entries(primary_key, &row))
    }

    /// Removes the row under an engine key, and returns it. A row that cannot be decoded is removed
    /// too, and `None` is returned.
    pub(in crate::table) fn remove<T: StoredRow>(&self, key: &[u8]) -> Result<Option<T>> {
        let mut removed = None;
        self.remove_many(&[key], |row| removed = row)?;
        Ok(removed)
    }

    /// Removes the row under an engine key and returns it, if it exists and `is_wanted`. A row that
    /// cannot be decoded stays, and is an error.
    pub(in crate::table) fn take<T: StoredRow>(
        &self,
        key: &[u8],
        is_wanted: impl FnOnce(&T) -> Result<bool>,
    ) -> Result<Option<T>> {
        let Some(OldRow { row, .. }) = self.old::<T>(key)? else { return Ok(None) };
        if !is_wanted(&row)? {
            return Ok(None);
        }
        self.remove_many::<T>(&[key], |_| ())?;
        Ok(Some(row))
    }

    /// Removes the rows under engine keys, and returns their number. `take` is called with what
    /// [`remove`](Self::remove) returns for each key.
    ///
    /// The index entries of rows that cannot be decoded are unknown: for these all entries of the
    /// table are searched, once.
    pub(in crate::table) fn remove_many<T: StoredRow>(
        &self,
        keys: &[&[u8]],
        mut take: impl FnMut(Option<T>),
    ) -> Result<u64> {
        let (mut count, mut unread) = (0u64, Vec::new());
        self.prefetch(|| keys)?;
        for key in keys {
            let primary_key = &key[PREFIX..];
            let Some(row) = self.txn.get(key, |bytes| T::open(self.info, bytes).ok())? else {
                take(None);
                continue;
            };
            let number = row.as_ref().and_then(T::number);
            self.info.key_sequence.note_removal(self.store, self.info, key, number)?;
            match &row {
                Some(row) => {
                    for entry in self.info.entries(primary_key, row)? {
                        self.drop_entry(&entry, primary_key)?;
                    }
                }
                None => unread.push(primary_key),
            }
            self.txn.delete(key);
            count += 1;
            take(row);
        }
        if !unread.is_empty() {
            unread.sort_unstable();
            owner::drop_entries_of::<T>(self.txn, self.info, &unread)?;
        }
        self.add_to_row_count(0i64.wrapping_sub_unsigned(count));
        Ok(count)
    }

    /// The engine key of the row that owns a value of a unique index.
    pub(in crate::table) fn owner(&self, entry: &[u8]) -> Result<Option<Vec<u8>>> {
        let prefix = self.info.rows.prefix();
        self.prefetch(|| [entry])?;
        self.txn.get(entry, |owner| [&prefix, owner].concat())
    }

    pub(in crate::table) fn old<T: StoredRow>(&self, key: &[u8]) -> Result<Option<OldRow<T>>> {
        self.prefetch(|| [key])?;
        let Some(bytes) = self.txn.get(key, <[u8]>::to_vec)? else { return Ok(None) };
        let row = T::open(self.info, &bytes).map_err(|fault| self.info.unreadable(&key[PREFIX..], fault))?;
        Ok(Some(OldRow { row, bytes }))
    }

    /// Encodes a row: adds its bytes to `bytes`, and returns the key and the entries of the row
    /// that is decoded from them. That row is put into `read` if it may differ from `row`.
    pub(in crate::table) fn new_row<T: StoredRow>(
        &self,
        row: &T,
        bytes: &mut Vec<u8>,
        read: &mut Option<T>,
    ) -> Result<NewRow> {
        let key = self.info.row_key(row);
        let start = bytes.len();
        *read = row.seal(self.info, bytes, T::IS_LOSSLESS && self.info.is_trial())?;
        if let Some(read) = &*read
            && self.info.row_key(read).finish()? != key.finish()?
        {
            return Err(T::other_key(self.info));
        }
        let entries = self.info.entries(&key.finish()?[PREFIX..], read.as_ref().unwrap_or(row))?;
        Ok(NewRow { key, entries, bytes: start..bytes.len() })
    }

    /// Like [`new_row`](Self::new_row), and reserves its unique values: from now on a transaction
    /// that wants one of them waits.
    #[inline]
    pub(super) fn reserved_row<T: StoredRow>(
        &self,
        row: &T,
        bytes: &mut Vec<u8>,
        read: &mut Option<T>,
    ) -> Result<NewRow> {
        let new = self.new_row(row, bytes, read)?;
        new.owned().for_each(|value| self.txn.reserve_or_wait(value));
        self.prefetch(|| new.key.finish().into_iter().chain(new.owned()).collect::<Vec<_>>())?;
        Ok(new)
    }

    fn overwrite<T: StoredRow>(&self, old: &OldRow<T>, new: &NewRow, bytes: &[u8]) -> Result<()> {
        let primary_key = &new.key.finish()?[PREFIX..];
        self.write(new, bytes, Some(&old.bytes), || self.info.entries(primary_key, &old.row))
    }

    /// Writes a row, whose bytes are in `bytes`, and what changed of its entries; nothing if the
    /// stored bytes `old` are the same. `old_entries` returns the entries of the old row.
    fn write(
        &self,
        new: &NewRow,
        bytes: &[u8],
        old: Option<&[u8]>,
        old_entries: impl FnOnce() -> Result<Vec<RowEntry>>,
    ) -> Result<()> {
        let bytes = &bytes[new.bytes.clone()];
        if old == Some(bytes) {
            return Ok(());
        }
        let key = new.key.finish()?;
        let (primary_key, old_entries) = (&key[PREFIX..], old_entries()?);
        for entry in old_entries.iter().filter(|entry| new.entries.binary_search(entry).is_err()) {
            self.drop_entry(entry, primary_key)?;
        }
        for entry in new.entries.iter().filter(|entry| old_entries.binary_search(entry).is_err()) {
            self.add(entry, primary_key)?;
        }
        self.txn.put(key, bytes);
        Ok(())
    }

    /// Removes an entry of a row. While an index is being built or off, the unique entry may be
    /// that of another row with the same value; this row then has a shared entry.
    pub(super) fn drop_entry(&self, entry: &RowEntry, primary_key: &[u8]) -> Result<()> {
        if !entry.owned
            || self.info.indexes[entry.index].is_readable()
            || self.txn.get(&entry.key, |owner| owner == primary_key)? == Some(true)
        {
            self.txn.delete(&entry.key);
            return Ok(());
        }
        let shared = build::shared(&entry.key, primary_key);
        if self.txn.get(&shared, |_| ())?.is_some() {
            self.txn.delete(&shared);
        }
        Ok(())
    }

    /// The primary key of a row that shares a value of a unique index that is being built or off.
    fn sharer(&self, entry: &RowEntry) -> Result<Option<Vec<u8>>> {
        let mut scan = self.txn.scan(KeyRange::prefix(&entry.key))?;
        Ok(scan.next()?.map(|found| found.key[entry.key.len()..].to_vec()))
    }

    /// Adds an entry; a violation if its value is unique and has an owner.
    pub(super) fn add(&self, entry: &RowEntry, primary_key: &[u8]) -> Result<()> {
        if !entry.owned {
            self.txn.put(&entry.key, &[]);
            return Ok(());
        }
        if let Some(owner) = self.txn.get(&entry.key, <[u8]>::to_vec)? {
            return Err(self.violation(self.info.schema.indexes[entry.index].name, &owner));
        }
        if !self.info.indexes[entry.index].is_readable()
            && let Some(owner) = self.sharer(entry)?
        {
            return Err(self.violation(self.info.schema.indexes[entry.index].name, &owner));
        }
        self.txn.put(&entry.key, primary_key);
        Ok(())
    }

    pub(in crate::table) fn violation(&self, index: &'static str, owner: &[u8]) -> Error {
        Error::UniqueViolation(UniqueViolation { table: self.info.schema.name, index, owner: owner.into() })
    }
}

impl TableInfo {
    pub(in crate::table) fn row_key<T: StoredRow>(&self, row: &T) -> KeyWriter {
        let mut key = KeyWriter::new(&self.rows.prefix());
        row.put_key(self, &mut key);
        key
    }

    /// All index entries of a row, sorted and distinct.
    pub(in crate::table) fn entries<T: StoredRow>(
        &self,
        primary_key: &[u8],
        row: &T,
    ) -> Result<Vec<RowEntry>> {
        let mut entries = Vec::with_capacity(self.indexes.len());
        for (index, (schema, open)) in self.schema.indexes.iter().zip(&self.indexes).enumerate() {
            let mut found = IndexEntries::new(&open.keyspace.prefix());
            row.put_entries(self, index, &mut found);
            for entry in found.take() {
                let owned = schema.unique && !entry.has_none;
                let suffix = if owned { &[] } else { primary_key };
                entries.push(RowEntry { index, key: entry.key.finish_with(suffix)?, owned });
            }
        }
        // Indexes come in order, so only an index of collections can be unsorted.
        if !entries.is_sorted_by(|one: &RowEntry, next| one < next) {
            entries.sort_unstable();
            entries.dedup();
        }
        Ok(entries)
    }
}

pub(in crate::table) fn engine_key(prefix: [u8; PREFIX], write: impl FnOnce(&mut KeyWriter)) -> KeyWriter {
    let mut key = KeyWriter::new(&prefix);
    write(&mut key);
    key
}
