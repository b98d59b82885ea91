//! Compares the rows of a table with the entries of its indexes.
//!
//! Every entry that a row asks for is looked up, and all entries are counted: when each of the first is there and there are no
//! more than these, rows and entries belong together one to one.

use super::catalog::TableInfo;
use super::mapper::Table;
use super::mutate::PREFIX;
use super::row;
use crate::base::KeyRange;
use crate::engine::{Engine, Verified};
use crate::error::{Fault, Result};

/// Adds what was found of a table; the first disagreement is an error.
///
/// Cost: reads every row, and looks up every entry of every row.
pub(super) fn table<T: Table>(engine: &Engine, info: &TableInfo, verified: &mut Verified) -> Result<()> {
    let mut rows = engine.scan(KeyRange::prefix(&info.rows.prefix()))?;
    let mut expected = vec![0u64; info.indexes.len()];
    loop {
        let Some(found) = rows.next()? else { break };
        verified.row_count += 1;
        let primary_key = &found.key[PREFIX..];
        let entries = row::open::<T>(&found.value.load()?).map(|row| info.entries(primary_key, &row));
        let mut missing = None;
        match entries {
            Err(fault) => missing = Some(fault),
            Ok(entries) => {
                for entry in entries?.iter().filter(|entry| info.indexes[entry.index].is_readable()) {
                    expected[entry.index] += 1;
                    let owner: &[u8] = if entry.owned { primary_key } else { &[] };
                    if found.reader.get(&entry.key, |value| value == owner)? != Some(true) {
                        missing = Some(Fault::Index("a row has no entry in an index of its table"));
                    }
                }
            }
        }
        if let Some(fault) = missing {
            return Err(rows.corruption(fault));
        }
    }
    for (index, expected) in info.indexes.iter().zip(expected).filter(|(index, _)| index.is_readable()) {
        let mut entries = rows.another(KeyRange::prefix(&index.keyspace.prefix()));
        let mut count = 0;
        while entries.next()?.is_some() {
            count += 1;
        }
        if count != expected {
            return Err(rows.corruption(Fault::Index("an index entry has no row")));
        }
        verified.entry_count += count;
    }
    verified.table_count += 1;
    Ok(())
}
