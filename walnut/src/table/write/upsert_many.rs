//! Upserts of many rows in one statement, whose constraints hold for the state that it leaves.
//!
//! ```text
//!   rows ── of several with one primary key the last counts
//!    ├─ first   the entries that stored rows give up are removed, those of all rows
//!    └─ then    the rows are written and the entries that they take added: a violation when one still has an owner
//! ```
//!
//! 1. A unique value may move from any row of the statement to any other one: two rows may swap
//!    theirs, several may rotate them.
//! 2. The owner that a violation names has the value in the state that the statement would leave.

use std::collections::HashMap;

use super::mutate::{Mutation, NewRow, PREFIX, RowEntry};
use super::stored_row::StoredRow;
use crate::error::Result;
use crate::table::key::KeyBytes;

/// A row that differs from the stored one.
struct ChangedRow {
    key: KeyBytes,
    bytes: Vec<u8>,
    entries: Vec<RowEntry>,
    old_entries: Vec<RowEntry>,
    is_new: bool,
}

impl Mutation<'_> {
    /// Inserts or replaces rows; returns the row that each of them replaced: of rows with one
    /// primary key, the row before it in this list.
    pub(in crate::table) fn upsert_many<T: StoredRow>(&self, rows: &[&T]) -> Result<Vec<Option<T>>> {
        let has_unique = self.info.schema.indexes.iter().any(|index| index.unique);
        self.prefetch_rows(rows)?;
        if rows.len() < 2 || !has_unique {
            return rows.iter().map(|row| self.upsert(*row)).collect();
        }
        let key = |row: &&T| Ok(KeyBytes::from_slice(self.info.row_key(*row).finish()?));
        let keys: Vec<KeyBytes> = rows.iter().map(key).collect::<Result<_>>()?;
        let last: HashMap<&KeyBytes, &T> = keys.iter().zip(rows.iter().copied()).collect();
        let mut before: HashMap<&KeyBytes, &T> = HashMap::with_capacity(last.len());
        let mut replaced = Vec::with_capacity(rows.len());
        let mut changed = Vec::with_capacity(last.len());
        for (key, row) in keys.iter().zip(rows.iter().copied()) {
            if let Some(earlier) = before.insert(key, row) {
                replaced.push(Some(earlier.copy(self.info)?));
                continue;
            }
            let (changed_row, old) = self.changed_row(key, last[key])?;
            changed.extend(changed_row);
            replaced.push(old);
        }
        for ChangedRow { key, entries, old_entries, .. } in &changed {
            for entry in old_entries.iter().filter(|entry| entries.binary_search(entry).is_err()) {
                self.drop_entry(entry, &key[PREFIX..])?;
            }
        }
        for ChangedRow { key, bytes, entries, old_entries, .. } in &changed {
            for entry in entries.iter().filter(|entry| old_entries.binary_search(entry).is_err()) {
                self.add(entry, &key[PREFIX..])?;
            }
            self.txn.put(key, bytes);
        }
        let new_count = changed.iter().filter(|row| row.is_new).count();
        self.add_to_row_count(0i64.wrapping_add_unsigned(new_count as u64));
        Ok(replaced)
    }

    /// The changes of a row, unless the stored one is the same, and the row that it replaces.
    fn changed_row<T: StoredRow>(&self, key: &KeyBytes, row: &T) -> Result<(Option<ChangedRow>, Option<T>)> {
        let mut bytes = Vec::with_capacity(256);
        let NewRow { entries, .. } = self.reserved_row(row, &mut bytes, &mut None)?;
        let Some(old) = self.old::<T>(key)? else {
            return Ok((
                Some(ChangedRow { key: key.clone(), bytes, entries, old_entries: Vec::new(), is_new: true }),
                None,
            ));
        };
        if old.bytes == bytes {
            return Ok((None, Some(old.row)));
        }
        let old_entries = self.info.entries(&key[PREFIX..], &old.row)?;
        Ok((Some(ChangedRow { key: key.clone(), bytes, entries, old_entries, is_new: false }), Some(old.row)))
    }
}
