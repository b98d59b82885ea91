//! The distinct values of an index, or of its first column: the scan seeks past all entries with a
//! value that it has shown.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::Scan;
use super::scan_core::{RangeEnd, ScanCore};
use super::stage::ScanStage;
use crate::base::successor;
use crate::error::Result;
use crate::table::key::{Composite, Key, KeyReader};
use crate::table::schema::mapper::Table;

/// The distinct keys of a [`Scan`], or their first columns, in the order of the scan: made by
/// [`Scan::distinct`] and [`Scan::distinct_first`].
#[must_use = "a scan reads nothing until it is asked for values"]
pub struct Distinct<'a, T: Table, V> {
    core: ScanCore<'a, T>,
    /// The encoded value that was shown last, where the entries with it cannot be skipped.
    last: Option<Vec<u8>>,
    value: PhantomData<fn() -> V>,
}

impl<'a, T: Table, K: Key, R, M> Scan<'a, T, K, R, M> {
    /// The distinct values of the key that the scan goes by: each value of an index once, whatever
    /// number of rows has it.
    ///
    /// A `limit` or `skip` of the scan counts rows, not values; the iterator's `take` and `skip`
    /// count values.
    ///
    /// Cost: one seek for each value, independent of the number of rows, and no row is read. With a
    /// filter, rows are read until one of each value passes. With a `limit` or `skip`, and in a
    /// transaction, every entry is stepped over.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Result, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index] age: u8 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// users.insert_many((0..100).map(|id| User { id, age: 20 + id as u8 % 3 }))?;
    /// assert_eq!(users.by().age.iter().distinct().collect::<Result<Vec<_>>>()?, [20, 21, 22]);
    /// assert_eq!(users.by().age.range(21..).rev().distinct().collect::<Result<Vec<_>>>()?, [22, 21]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn distinct(self) -> Distinct<'a, T, K> {
        Distinct { core: self.core, last: None, value: PhantomData }
    }

    /// The distinct first columns of the key that the scan goes by. Keys of several columns only;
    /// otherwise as [`distinct`](Self::distinct).
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Result, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # #[index(city_age = (city, age))]
    /// # struct User { #[primary_key] id: u64, city: String, age: u8 }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// # let user = |id, city: &str, age| User { id, city: city.into(), age };
    /// users.insert_many([user(1, "Rome", 20), user(2, "Oslo", 30), user(3, "Rome", 40)])?;
    /// assert_eq!(users.by().city_age.iter().distinct_first().collect::<Result<Vec<_>>>()?, ["Oslo", "Rome"]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn distinct_first(self) -> Distinct<'a, T, K::First>
    where
        K: Composite,
    {
        Distinct { core: self.core, last: None, value: PhantomData }
    }
}

impl<T: Table> ScanCore<'_, T> {
    /// Seeks past all entries whose shown key begins with these bytes, and returns true; false
    /// where each entry has to be stepped over, because it is counted, was found ahead, or is read
    /// in a transaction.
    fn pass_prefix(&mut self, encoded: &[u8]) -> bool {
        let counts = |stage: &ScanStage<'_, T>| matches!(stage, ScanStage::Skip(_) | ScanStage::Limit(_));
        if self.shows_primary_key || self.buffered.is_some() || self.stages.iter().any(counts) {
            return false;
        }
        let Some(entry_scan) = &mut self.entry_scan else { return true };
        let prefix = [&self.layout.prefix, encoded].concat();
        let mut range = entry_scan.rest();
        if self.reversed {
            range.end = Some(prefix);
        } else if let Some(behind) = successor(&prefix) {
            range.start = behind;
        } else {
            return false;
        }
        entry_scan.seek(range)
    }
}

impl<T: Table, V: Key> Distinct<'_, T, V> {
    fn advance(&mut self) -> Result<Option<V>> {
        while let Some((key, primary_key)) = self.core.next_keys(RangeEnd::Front)? {
            let shown = if self.core.shows_primary_key { &primary_key } else { &key };
            let mut reader = KeyReader::new(shown);
            let value = match V::decode(&mut reader) {
                Ok(value) => value,
                Err(fault) => {
                    self.core.finished = true;
                    return Err(self.core.info.unreadable(&primary_key, fault));
                }
            };
            let encoded = &shown[..shown.len() - reader.rest().len()];
            if self.core.pass_prefix(encoded) {
                return Ok(Some(value));
            }
            if self.last.as_deref() != Some(encoded) {
                self.last = Some(encoded.to_vec());
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl<T: Table, V: Key> Iterator for Distinct<'_, T, V> {
    type Item = Result<V>;

    fn next(&mut self) -> Option<Result<V>> {
        self.advance().transpose()
    }
}

impl<T: Table, V: Key> FusedIterator for Distinct<'_, T, V> {}

impl<T: Table, V> fmt::Debug for Distinct<'_, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
