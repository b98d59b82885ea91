//! The trial of a new layout on every row, before the table adopts it.
//!
//! ```text
//!   opened     the catalog notes keyspaces for the new indexes; the table, its layouts and its indexes are as before
//!   batch ..   the next rows are read in the new layout, and entered in the new indexes
//!   adopted    one commit takes the layout and the new indexes, and drops the old ones
//! ```
//!
//! 1. Until the last commit a program of the older version opens the table as it was, also after a
//!    crash or an error.
//! 2. A row that no migration accepts, whose primary key would change, that is too large, or that
//!    migrates differently each time, is an error that names it.
//! 3. Nothing is written meanwhile: other threads that open the table wait. An interrupted trial
//!    starts over, as its code may have changed.
//!
//! Cost: migrates every row twice, and writes every entry, in batches that are commits of their
//! own.

use super::build::{self, DUPLICATE_LIMIT};
use crate::engine::Durability;
use crate::error::Result;
use crate::sync::Ordering;
use crate::table::catalog::{self, BuiltState, DuplicateOwners, StoredProgress, TableInfo};
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::write::mutate::{Mutation, PREFIX};
use crate::txn::Txn;

struct TriedBatch {
    progress: StoredProgress,
    is_last: bool,
    /// By index ordinal: pairs of rows with one value.
    duplicates: Vec<Vec<DuplicateOwners>>,
}

/// Tries the layout of `T` and adopts it; after an error the table is as it was.
pub(in crate::table) fn run<T: Table>(store: &Store, info: TableInfo) -> Result<TableInfo> {
    let dir = store.dir();
    let taken = rows::<T>(store, &info).and_then(|duplicates| {
        let off = duplicates.iter().enumerate().filter(|(_, pairs)| !pairs.is_empty());
        let off: Vec<usize> = off.map(|(ordinal, _)| ordinal).collect();
        store.change(|txn| catalog::adopt(txn, &info, &off, dir))?;
        Ok(duplicates)
    });
    match taken {
        Ok(duplicates) => {
            let since = store.applied();
            for (index, duplicates) in info.indexes.iter().zip(duplicates) {
                index.set_built(if duplicates.is_empty() {
                    BuiltState::Readable { since }
                } else {
                    BuiltState::Off { duplicates }
                });
            }
            Ok(info)
        }
        Err(error) => {
            // If this fails too, the next opening removes the rest.
            let _ = store.change(|txn| catalog::abandon(txn, &info, dir));
            Err(error)
        }
    }
}

/// Reads all rows in the new layout, and enters them; returns the pairs of rows with one value of
/// each unique index.
fn rows<T: Table>(store: &Store, info: &TableInfo) -> Result<Vec<Vec<DuplicateOwners>>> {
    let mut duplicates = vec![Vec::new(); info.indexes.len()];
    let mut progress = StoredProgress::default();
    loop {
        let outcome = store.change_with(Durability::Fast, |txn| batch::<T>(store, txn, info, &progress))?;
        for (all, more) in duplicates.iter_mut().zip(outcome.duplicates) {
            all.extend(more);
            all.truncate(DUPLICATE_LIMIT);
        }
        progress = outcome.progress;
        info.built_count.store(progress.row_count, Ordering::Relaxed);
        if outcome.is_last {
            return Ok(duplicates);
        }
    }
}

fn batch<T: Table>(
    store: &Store,
    txn: &Txn,
    info: &TableInfo,
    before: &StoredProgress,
) -> Result<TriedBatch> {
    let batch = build::next_rows(store, txn, info, before)?;
    let mut duplicates = vec![Vec::new(); info.indexes.len()];
    let mut room = Vec::new();
    for (key, bytes) in &batch.rows {
        let primary_key = &key[PREFIX..];
        let row = build::row::<T>(info, primary_key, bytes)?;
        room.clear();
        let new = Mutation::new(txn, info, store).new_row(&row, &mut room, &mut None);
        let new = new.map_err(|error| build::unfit(info, primary_key, error))?;
        if info.entries(primary_key, &build::row::<T>(info, primary_key, bytes)?)? != new.entries {
            return Err(build::unsteady(info, primary_key, bytes));
        }
        build::enter(txn, info, primary_key, &row, &mut duplicates)?;
    }
    Ok(TriedBatch { progress: build::progress_after(before, &batch), is_last: batch.is_last, duplicates })
}
