//! Rows of an index scan, read several at a time: entries that follow each other lead to rows that do not, and a few random
//! reads at once take little longer than one.

use smallvec::SmallVec;

use super::filter::RowFilter;
use super::layout::Target;
use super::output::{PrimaryKeyOf, RowOf};
use super::walker::{End, Walker};
use crate::error::{Fault, Result};
use crate::table::mapper::Table;
use crate::table::row;
use crate::txn::EntryScan;

/// How many rows are read at a time.
const TOGETHER: usize = 32;

/// The bytes of a primary key.
type PrimaryKey = SmallVec<[u8; 32]>;

impl<T: Table, F: RowFilter<T>> Walker<T, F> {
    /// All rows that are left, from the front of the scan.
    pub(super) fn collect(mut self) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        if F::COUNT > 0 || self.target() == Target::Rows {
            // The row of each entry is at hand already.
            while let Some(row) = self.step::<RowOf>(End::Front)? {
                rows.push(row);
            }
            return Ok(rows);
        }
        let prefix = self.rows_prefix();
        let mut keys: Vec<PrimaryKey> = Vec::with_capacity(TOGETHER);
        loop {
            keys.clear();
            while keys.len() < TOGETHER
                && let Some(key) = self.step::<PrimaryKeyOf>(End::Front)?
            {
                keys.push(key);
            }
            if let Some(walk) = self.walk() {
                read(walk, prefix, &keys, &mut rows)?;
            }
            if keys.len() < TOGETHER {
                return Ok(rows);
            }
        }
    }
}

/// Adds the rows with these primary keys, in this order.
fn read<T: Table>(walk: &EntryScan, prefix: [u8; 4], keys: &[PrimaryKey], rows: &mut Vec<T>) -> Result<()> {
    let mut bytes = Vec::with_capacity(keys.len() * 16);
    let mut ends = SmallVec::<[usize; TOGETHER]>::new();
    for key in keys {
        bytes.extend_from_slice(&prefix);
        bytes.extend_from_slice(key);
        ends.push(bytes.len());
    }
    let starts = [0].into_iter().chain(ends.iter().copied());
    let keys: SmallVec<[&[u8]; TOGETHER]> =
        starts.zip(&ends).map(|(start, &end)| &bytes[start..end]).collect();
    let mut found: SmallVec<[Option<Result<T, Fault>>; TOGETHER]> = keys.iter().map(|_| None).collect();
    walk.reader().get_many(&keys, |place, stored| found[place] = Some(row::open(stored)))?;
    rows.reserve(found.len());
    for row in found {
        let row = row.unwrap_or(Err(Fault::Index("an index entry has no row")));
        rows.push(row.map_err(|fault| walk.corruption(fault))?);
    }
    Ok(())
}
