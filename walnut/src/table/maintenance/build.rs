//! Online index builds: in batches, each a commit of its own, while other threads write.
//!
//! ```text
//!   opened     the catalog says `Building`: writers enter their rows from now on
//!   batch ..   the next rows by primary key are entered, and how far that was, in one commit
//!   last one   the catalog says `Readable`
//! ```
//!
//! A batch that finds two rows with one value of a unique index records in the catalog that the
//! index is `Off`, and the build continues: the first row of a value is entered as in a unique
//! index, each other one as in an index that is not unique.
//!
//! ```text
//!   value                 -> primary key of the first row
//!   value, primary key    -> (nothing)                       another row
//! ```
//!
//! 1. A batch reads rows and writes entries in one serializable transaction; a row that changes
//!    meanwhile makes it run again.
//! 2. After a crash the next opening continues after the last batch in the log. A batch asks for no
//!    sync: the log has no holes, so a suffix of the batches is lost at most.
//! 3. While an entry of a unique index may be missing, an entry is removed only with the row that
//!    owns it.
//! 4. An index is not read before it is readable, nor in a snapshot from before then.
//! 5. From the first batch on, and while the index is off, a value that a row has is refused to
//!    every other row.

use crate::base::{KeyRange, after, successor};
use crate::engine::Durability;
use crate::error::{Error, Fault, Result};
use crate::sync::Ordering;
use crate::table::catalog::{self, BuiltState, DuplicateOwners, StoredProgress, TableInfo};
use crate::table::row;
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::write::mutate::PREFIX;
use crate::txn::{EntryScan, Txn};

/// The most rows of a batch, and the bytes of rows after which it ends.
const BATCH_COUNT: usize = 1000;
const BATCH_SIZE: usize = 1 << 20;

/// The most pairs of rows with one value that are listed.
pub(super) const DUPLICATE_LIMIT: usize = 10;

pub(in crate::table) struct RowBatch {
    /// Each row's engine key and bytes.
    pub(super) rows: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) is_last: bool,
}

struct BuiltBatch {
    progress: StoredProgress,
    finished: bool,
    /// By index ordinal: pairs of rows with one value.
    duplicates: Vec<Vec<DuplicateOwners>>,
}

/// Builds all indexes of a table that are not built; returns at once if there are none.
///
/// Cost: reads every row once, and writes every entry; for a unique index looks up each entry.
pub(in crate::table) fn run<T: Table>(store: &Store, info: &TableInfo) -> Result<()> {
    if info.indexes.iter().all(|index| index.built().is_some()) {
        return Ok(());
    }
    let mut building = info.building.lock();
    building.resize(info.indexes.len(), Vec::new());
    while info.indexes.iter().any(|index| index.built().is_none()) {
        let outcome = store.change_internally(Durability::Fast, |txn| batch::<T>(store, txn, info))?;
        info.built_count.store(outcome.progress.row_count, Ordering::Relaxed);
        for (all, more) in building.iter_mut().zip(outcome.duplicates) {
            all.extend(more);
            all.truncate(DUPLICATE_LIMIT);
        }
        if outcome.finished {
            store.confirm_all(store.durability())?;
            let since = store.applied();
            let unsettled =
                info.indexes.iter().zip(&mut *building).filter(|(index, _)| index.built().is_none());
            for (index, duplicates) in unsettled {
                index.set_built(match std::mem::take(duplicates) {
                    none if none.is_empty() => BuiltState::Readable { since },
                    duplicates => BuiltState::Off { duplicates },
                });
            }
        }
    }
    Ok(())
}

/// The progress of a build or a migration, which is stored under `key`.
pub(super) fn progress(txn: &Txn, key: &[u8]) -> Result<StoredProgress> {
    match txn.get(key, StoredProgress::decode)? {
        None => Ok(StoredProgress::default()),
        Some(progress) => progress.map_err(|fault| txn.corruption(fault)),
    }
}

pub(super) fn next_rows(
    store: &Store,
    txn: &Txn,
    info: &TableInfo,
    progress: &StoredProgress,
) -> Result<RowBatch> {
    let prefix = info.rows.prefix();
    let start = if progress.next.is_empty() { prefix.to_vec() } else { progress.next.clone() };
    let mut scan: EntryScan = txn.scan(KeyRange { start, end: successor(&prefix) })?;
    let (mut rows, mut size) = (Vec::new(), 0);
    // A row has at most two writes for each index, or for each of its elements.
    let count = store.batch_count(BATCH_COUNT, 2 + 2 * info.indexes.len());
    let limit = store.batch_size(BATCH_SIZE, 1 + info.indexes.len());
    while rows.len() < count && size < limit {
        let Some(found) = scan.next()? else { return Ok(RowBatch { rows, is_last: true }) };
        let value = found.value.load()?;
        size += value.len();
        rows.push((found.key.to_vec(), value.to_vec()));
    }
    Ok(RowBatch { rows, is_last: false })
}

pub(super) fn progress_after(progress: &StoredProgress, batch: &RowBatch) -> StoredProgress {
    let next = batch.rows.last().map(|(key, _)| after(key));
    StoredProgress {
        next: next.unwrap_or_else(|| progress.next.clone()),
        row_count: progress.row_count + batch.rows.len() as u64,
    }
}

fn batch<T: Table>(store: &Store, txn: &Txn, info: &TableInfo) -> Result<BuiltBatch> {
    if info.is_built_by_others(txn, store)? {
        let (progress, duplicates) = (StoredProgress::default(), Vec::new());
        return Ok(BuiltBatch { progress, finished: true, duplicates });
    }
    let key = catalog::build_key(info.rows);
    let before = progress(txn, &key)?;
    let batch = next_rows(store, txn, info, &before)?;
    let mut duplicates: Vec<Vec<DuplicateOwners>> = vec![Vec::new(); info.indexes.len()];
    for (key, bytes) in &batch.rows {
        let primary_key = &key[PREFIX..];
        let row = row::<T>(info, primary_key, bytes)?;
        enter(txn, info, primary_key, &row, &mut duplicates)?;
    }
    for (index, _) in info.indexes.iter().zip(&duplicates).filter(|(_, pairs)| !pairs.is_empty()) {
        catalog::turn_off(txn, info, index.keyspace, store.dir())?;
    }
    let progress = progress_after(&before, &batch);
    if batch.is_last {
        catalog::finish_build(txn, info, store.dir())?;
    } else {
        txn.put(&key, &progress.encode()?);
    }
    Ok(BuiltBatch { progress, finished: batch.is_last, duplicates })
}

/// Decodes a row by the newest struct; an error that names the row if it cannot be decoded, or has
/// another primary key.
pub(in crate::table) fn row<T: Table>(info: &TableInfo, primary_key: &[u8], bytes: &[u8]) -> Result<T> {
    let named = || format!("the row with primary key {}", info.compiled.key.show(primary_key));
    let version = row::version(bytes).map_or(0, |(version, _)| version);
    match row::open::<T>(bytes) {
        Ok(row) if version == T::SCHEMA.version || info.row_key(&row).finish()?[PREFIX..] == *primary_key => Ok(row),
        Ok(_) => Err(info.refusal(format!(
            "{}, of version {version}, would get another primary key in version {}, and the primary key of a row never changes: mend \
             its migration, or copy the rows into a new table",
            named(),
            T::SCHEMA.version
        ))),
        Err(fault @ Fault::Migration { .. }) => Err(info.unreadable(primary_key, fault)),
        Err(fault) => Err(info.refusal(format!("{}, of version {version}, cannot be read: {fault}", named()))),
    }
}

/// Adds the row's name to the error of a row that is too large or cannot be stored.
pub(in crate::table) fn unfit(info: &TableInfo, primary_key: &[u8], error: Error) -> Error {
    match error {
        Error::Limit(limit) => info.refusal(format!(
            "the row with primary key {} does not fit: {limit}",
            info.compiled.key.show(primary_key)
        )),
        Error::Unstorable(why) => info.refusal(format!(
            "the row with primary key {} has no form in this layout ({why})",
            info.compiled.key.show(primary_key)
        )),
        error => error,
    }
}

/// The error of a row for which a second migration of the same bytes returns other index entries
/// than the first.
#[cold]
pub(super) fn unsteady(info: &TableInfo, primary_key: &[u8], bytes: &[u8]) -> Error {
    info.refusal(format!(
        "the row with primary key {}, of version {}, gets other values in an index each time it is migrated; a migration must make \
         the same row of the same row, as the old one is read until it is rewritten: take no clock and no random number, or keep \
         their fields out of indexes",
        info.compiled.key.show(primary_key),
        row::version(bytes).map_or(0, |(version, _)| version)
    ))
}

/// The key of the entry of a row whose unique value another row has.
pub(in crate::table) fn shared(value: &[u8], primary_key: &[u8]) -> Vec<u8> {
    [value, primary_key].concat()
}

/// Adds a row's entries to the indexes that are being built.
pub(super) fn enter<T: Table>(
    txn: &Txn,
    info: &TableInfo,
    primary_key: &[u8],
    row: &T,
    duplicates: &mut [Vec<DuplicateOwners>],
) -> Result<()> {
    for entry in info.entries(primary_key, row).map_err(|error| unfit(info, primary_key, error))? {
        if info.indexes[entry.index].built().is_some() {
            continue;
        }
        if !entry.owned {
            txn.put(&entry.key, &[]);
            continue;
        }
        match txn.get(&entry.key, <[u8]>::to_vec)? {
            None => txn.put(&entry.key, primary_key),
            Some(owner) if owner == primary_key => {}
            Some(owner) => {
                txn.put(&shared(&entry.key, primary_key), &[]);
                let pairs = &mut duplicates[entry.index];
                if pairs.len() < DUPLICATE_LIMIT {
                    pairs.push(DuplicateOwners { first: owner, second: primary_key.to_vec() });
                }
            }
        }
    }
    Ok(())
}
