//! The rows that index entries belong to.
//!
//! ```text
//!   value              -> primary key      an entry of a unique value
//!   value, primary key -> nothing          any other entry
//! ```
//!
//! If the primary key takes no bytes, as `()` does, an entry of a unique index may be of either
//! kind.
//!
//! Only its type knows where the value ends in an entry of the second kind. A table that is mapped
//! by hand may not say so; then each suffix of the key that could be a primary key is one
//! possibility.

use smallvec::SmallVec;

use super::mutate::{PREFIX, RowEntry};
use super::stored_row::StoredRow;
use crate::base::KeyRange;
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::key::KeyReader;
use crate::txn::{EntryReader, Txn};

/// Whether a row has an index entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) enum EntryMatch {
    /// The row has the entry.
    Yes,
    /// There is no such row, or it has no such entry.
    No,
    /// The row cannot be decoded.
    Unreadable,
}

/// The primary keys of the rows to which an entry may belong; none if its bytes are not an entry.
fn owners<'e, T: StoredRow>(
    info: &TableInfo,
    index: usize,
    key: &'e [u8],
    value: &'e [u8],
) -> SmallVec<[(&'e [u8], bool); 1]> {
    let is_unique = info.schema.indexes[index].unique;
    if is_unique && !value.is_empty() {
        return SmallVec::from_buf([(value, true)]);
    }
    let mut reader = KeyReader::new(key.get(PREFIX..).unwrap_or_default());
    match T::skip_index_key(info, index, &mut reader) {
        Ok(true) => return SmallVec::from_buf([(reader.rest(), false)]),
        Ok(false) => {}
        Err(_) => return SmallVec::new(),
    }
    let ends = (PREFIX..=key.len()).map(|start| &key[start..]).filter(|end| {
        let mut reader = KeyReader::new(end);
        T::skip_key(info, &mut reader).is_ok() && reader.rest().is_empty()
    });
    ends.map(|end| (end, false)).collect()
}

/// The primary key in an entry; empty if it is not known.
pub(in crate::table) fn of<'e, T: StoredRow>(
    info: &TableInfo,
    index: usize,
    key: &'e [u8],
    value: &'e [u8],
) -> &'e [u8] {
    match owners::<T>(info, index, key, value)[..] {
        [(primary_key, _)] => primary_key,
        _ => &[],
    }
}

/// Whether a row of the snapshot has this entry.
pub(in crate::table) fn entry_match<T: StoredRow>(
    reader: EntryReader<'_>,
    info: &TableInfo,
    index: usize,
    key: &[u8],
    value: &[u8],
) -> Result<EntryMatch> {
    let mut entry_match = EntryMatch::No;
    for (primary_key, owned) in owners::<T>(info, index, key, value) {
        let row_key = [&info.rows.prefix(), primary_key].concat();
        match reader.get(&row_key, |bytes| T::open(info, bytes).ok())? {
            None => {}
            Some(None) => entry_match = EntryMatch::Unreadable,
            Some(Some(row)) => {
                let entries = info.entries(primary_key, &row)?;
                let is_of_this_kind = |entry: &RowEntry| entry.owned == owned || primary_key.is_empty();
                if entries
                    .iter()
                    .any(|entry| entry.index == index && *entry.key == *key && is_of_this_kind(entry))
                {
                    return Ok(EntryMatch::Yes);
                }
            }
        }
    }
    Ok(entry_match)
}

/// Removes every index entry of rows that cannot be decoded; `primary_keys` are sorted.
///
/// Cost: reads every entry of every index of the table.
pub(super) fn drop_entries_of<T: StoredRow>(
    txn: &Txn,
    info: &TableInfo,
    primary_keys: &[&[u8]],
) -> Result<()> {
    for (index, open) in info.indexes.iter().enumerate() {
        let mut scan = txn.scan(KeyRange::prefix(&open.keyspace.prefix()))?;
        let mut found = Vec::new();
        while let Some(entry) = scan.next()? {
            let value = entry.value.load()?;
            let owners = owners::<T>(info, index, entry.key, &value);
            if owners.iter().any(|(owner, _)| primary_keys.binary_search(owner).is_ok())
                && (owners.len() == 1
                    || entry_match::<T>(entry.state.reader(), info, index, entry.key, &value)?
                        != EntryMatch::Yes)
            {
                found.push(entry.key.to_vec());
            }
        }
        drop(scan);
        for key in &found {
            txn.delete(key);
        }
    }
    Ok(())
}
