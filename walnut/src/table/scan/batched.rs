//! Batched row lookups of an index scan: adjacent entries lead to scattered rows, and a batch of
//! lookups overlaps their cache misses.

use smallvec::SmallVec;

use super::layout::{ScanError, Target};
use super::output::{PrimaryKeyOf, RowOf};
use super::scan_core::{RangeEnd, ScanCore};
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::row;
use crate::table::schema::mapper::Table;
use crate::table::write::mutate::PREFIX;
use crate::txn::EntryScan;

/// Rows of a batch.
const BATCH_COUNT: usize = 32;

impl<T: Table> ScanCore<'_, T> {
    /// All remaining rows from the front of the scan.
    pub(super) fn collect(mut self) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        if self.reads_rows() {
            // The row of each entry is at hand already.
            while let Some(row) = self.step::<RowOf>(RangeEnd::Front)? {
                rows.push(row);
            }
            return Ok(rows);
        }
        let mut keys = RowKeys { prefix: self.rows_prefix(), bytes: Vec::new(), ends: SmallVec::new() };
        loop {
            keys.clear();
            while keys.ends.len() < BATCH_COUNT
                && let Some(key) = self.step::<PrimaryKeyOf>(RangeEnd::Front)?
            {
                keys.push(&key);
            }
            if let Some(entry_scan) = self.entry_scan() {
                read(entry_scan, self.info(), self.target(), &keys, &mut rows)?;
            }
            if keys.ends.len() < BATCH_COUNT {
                return Ok(rows);
            }
        }
    }
}

struct RowKeys {
    prefix: [u8; 4],
    bytes: Vec<u8>,
    /// The end of each key in `bytes`.
    ends: SmallVec<[usize; BATCH_COUNT]>,
}

impl RowKeys {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, primary_key: &[u8]) {
        self.bytes.extend_from_slice(&self.prefix);
        self.bytes.extend_from_slice(primary_key);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

/// Adds the rows with these keys in this order.
fn read<T: Table>(
    entry_scan: &EntryScan,
    info: &TableInfo,
    target: Target,
    keys: &RowKeys,
    rows: &mut Vec<T>,
) -> Result<()> {
    let keys: SmallVec<[&[u8]; BATCH_COUNT]> = keys.iter().collect();
    rows.reserve(keys.len());
    let first = rows.len();
    entry_scan.state().reader().get_many(&keys, |stored| {
        let row =
            stored.ok_or(ScanError::NoRow).and_then(|stored| row::open(stored).map_err(ScanError::Fault));
        let key = keys.get(rows.len() - first).and_then(|key| key.get(PREFIX..)).unwrap_or_default();
        rows.push(row.map_err(|error| error.error(info, target, key))?);
        Ok(())
    })
}
