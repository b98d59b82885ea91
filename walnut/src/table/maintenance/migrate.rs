//! Rewrites the rows of older layouts: in batches, each a commit of its own, while other threads
//! read and write.
//!
//! A row is decoded by the structs of older versions and stored in the newest layout. Its index
//! entries were made from the row as it was decoded; the entries that the row still has when it is
//! decoded from its new bytes stay. After a crash the next call continues after the last batch in
//! the log.

use super::build::{RowBatch, next_rows, progress, progress_after};
use crate::engine::Durability;
use crate::error::Result;
use crate::table::catalog::{self, TableInfo};
use crate::table::row;
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::write::mutate::{Mutation, PREFIX};
use crate::txn::Txn;

/// What [`DefaultTable::migrate_all`](crate::DefaultTable::migrate_all) has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The number of rows that were read.
    pub row_count: u64,
    /// The number of rows that had an older layout and were rewritten.
    pub rewritten_count: u64,
}

/// Rewrites all rows of older layouts; calls `watch` after each batch with the progress.
pub(in crate::table) fn run<T: Table>(
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
