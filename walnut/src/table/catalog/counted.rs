//! Which tables have a row count: see `row_count`.

use std::path::Path;

use super::{TableInfo, change, is_there, table, write};
use crate::error::{Error, Result};
use crate::txn::Txn;

/// Marks the sum of a table as its row count.
pub(in crate::table) fn keep_row_count(txn: &Txn, info: &TableInfo, dir: &Path) -> Result<()> {
    if !is_there(txn, info, dir)? {
        return Err(Error::Dropped);
    }
    change(txn, info, dir, |table| table.has_row_count = true)
}

/// Unmarks the sum of a table: the next `len` counts the rows.
pub(in crate::table) fn forget_row_count(txn: &Txn, name: &str, dir: &Path) -> Result<()> {
    let Some(mut stored) = table(txn, name, dir)? else { return Ok(()) };
    stored.has_row_count = false;
    write(txn, name, &stored)
}
