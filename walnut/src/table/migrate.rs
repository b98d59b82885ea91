//! Rewrites the rows of older layouts: in batches, each a commit of its own, while others read and
//! write.
//!
//! A row is read through the structs of the past and stored in the layout of today. Its index
//! entries were made from the row as it was read; those stay that the row has as it is read from
//! its new bytes, too. After a crash the next call goes on behind the last batch that is in the
//! log.

use super::build::{RowBatch, next_rows, progress, progress_after};
use super::catalog::{self, TableInfo};
use super::mapper::Table;
use super::mutate::{Mutation, PREFIX};
use super::row;
use super::store::Store;
use crate::engine::Durability;
use crate::error::Result;
use crate::txn::Txn;

/// What [`DefaultTable::migrate_all`](crate::DefaultTable::migrate_all) has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MigrationReport {
    /// How many rows were looked at.
    pub row_count: u64,
    /// How many of them had an older layout and were rewritten.
    pub rewritten_count: u64,
}

/// Rewrites all rows of older layouts; calls `watch` after each batch with what is done so far.
pub(super) fn run<T: Table>(
    store: &Store,
    info: &TableInfo,
    mut watch: impl FnMut(MigrationReport),
) -> Result<MigrationReport> {
    let mut migrated = MigrationReport::default();
    let dir = store.dir();
    if !store.change(|txn| catalog::has_older_layouts(txn, info, dir))? {
        return Ok(migrated);
    }
    loop {
        let (step, is_last) = store.change_with(Durability::Fast, |txn| batch::<T>(store, txn, info))?;
        migrated.row_count += step.row_count;
        migrated.rewritten_count += step.rewritten_count;
        watch(migrated);
        if is_last {
            store.confirm_all(store.durability())?;
            return Ok(migrated);
        }
    }
}

fn batch<T: Table>(store: &Store, txn: &Txn, info: &TableInfo) -> Result<(MigrationReport, bool)> {
    let key = catalog::migration_key(info.rows);
    let before = progress(txn, &key)?;
    let batch: RowBatch = next_rows(store, txn, info, &before)?;
    let mut step = MigrationReport { row_count: batch.rows.len() as u64, rewritten_count: 0 };
    for (key, bytes) in &batch.rows {
        let (version, _) = row::version(bytes).map_err(|fault| info.unreadable(&key[PREFIX..], fault))?;
        if version != T::SCHEMA.version {
            Mutation::new(txn, info, store).migrate::<T>(key, bytes)?;
            step.rewritten_count += 1;
        }
    }
    if batch.is_last {
        catalog::finish_migration(txn, info, store.dir())?;
    } else {
        txn.put(&key, &progress_after(&before, &batch).encode()?);
    }
    Ok((step, batch.is_last))
}
