//! Rows of an index scan, read several at a time: entries that follow each other lead to rows that
//! do not, and a few random reads at once take little longer than one.

use smallvec::SmallVec;

use super::layout::Target;
use super::output::{PrimaryKeyOf, RowOf};
use super::trouble::Trouble;
use super::walker::{End, Walker};
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::mapper::Table;
use crate::table::mutate::PREFIX;
use crate::table::row;
use crate::txn::EntryScan;

/// How many rows are read at a time.
const TOGETHER: usize = 32;

impl<T: Table> Walker<'_, T> {
    /// All rows that are left, from the front of the scan.
    pub(super) fn collect(mut self) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        if self.reads_rows() {
            // The row of each entry is at hand already.
            while let Some(row) = self.step::<RowOf>(End::Front)? {
                rows.push(row);
            }
            return Ok(rows);
        }
        let mut keys = KeysOfRows { prefix: self.rows_prefix(), bytes: Vec::new(), ends: SmallVec::new() };
        loop {
            keys.clear();
            while keys.ends.len() < TOGETHER
                && let Some(key) = self.step::<PrimaryKeyOf>(End::Front)?
            {
                keys.push(&key);
            }
            if let Some(walk) = self.walk() {
                read(walk, self.info(), self.target(), &keys, &mut rows)?;
            }
            if keys.ends.len() < TOGETHER {
                return Ok(rows);
            }
        }
    }
}

/// The engine's keys of some rows.
struct KeysOfRows {
    prefix: [u8; 4],
    bytes: Vec<u8>,
    /// Where each of them ends in `bytes`.
    ends: SmallVec<[usize; TOGETHER]>,
}

impl KeysOfRows {
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

/// Adds the rows with these keys, in this order.
fn read<T: Table>(
    walk: &EntryScan,
    info: &TableInfo,
    target: Target,
    keys: &KeysOfRows,
    rows: &mut Vec<T>,
) -> Result<()> {
    let keys: SmallVec<[&[u8]; TOGETHER]> = keys.iter().collect();
    rows.reserve(keys.len());
    let first = rows.len();
    walk.state().reader().get_many(&keys, |stored| {
        let row = stored.ok_or(Trouble::NoRow).and_then(|stored| row::open(stored).map_err(Trouble::Fault));
        let key = keys.get(rows.len() - first).and_then(|key| key.get(PREFIX..)).unwrap_or_default();
        rows.push(row.map_err(|trouble| trouble.error(info, target, key))?);
        Ok(())
    })
}
