//! Builds indexes that a table with rows was given: in batches, each a commit of its own, while others write.
//!
//! ```text
//!   opened     the catalog says `Building`: writers enter their rows from now on
//!   batch ..   the next rows by primary key are entered, and how far that was, in one commit
//!   last one   the catalog says `Readable`; or `Off`, when two rows have one value of a unique index
//! ```
//!
//! 1. A batch reads rows and writes entries in one serializable transaction: a row that changes meanwhile makes it run again.
//! 2. After a crash the next opening goes on behind the last batch that is in the log. A batch asks for no sync: the log has
//!    no holes, so what is lost is a suffix of them.
//! 3. While an entry of a unique index may be missing, an entry is removed only with the row that owns it.
//! 4. Nobody reads an index before it is readable, nor in a state from before then.

use super::catalog::{self, Duplicate, Settled, StoredProgress, TableInfo};
use super::mapper::Table;
use super::mutate::PREFIX;
use super::row;
use super::spaces::drop_keyspace;
use super::store::Store;
use crate::base::{KeyRange, after, successor};
use crate::engine::Durability;
use crate::error::Result;
use crate::sync::Ordering;
use crate::txn::{Attempt, EntryScan};

/// The most rows of a batch, and the bytes of rows from which on it ends.
const BATCH_COUNT: usize = 1000;
const BATCH_SIZE: usize = 1 << 20;

/// The most pairs of rows with one value that are told of.
const DUPLICATE_LIMIT: usize = 10;

/// Rows that are worked on together, as they are stored.
pub(super) struct RowBatch {
    /// Each row's key, as the engine has it, and bytes.
    pub(super) rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether there are none behind them.
    pub(super) is_last: bool,
}

/// What a batch came to.
struct Outcome {
    progress: StoredProgress,
    finished: bool,
    /// The unique indexes that it turned off.
    off: Vec<(usize, Vec<Duplicate>)>,
}

/// Builds all indexes of a table that are to be built; returns at once when there are none.
///
/// Cost: reads every row once, and writes every entry; for a unique index looks up each entry.
pub(super) fn run<T: Table>(store: &Store, info: &TableInfo) -> Result<()> {
    if info.indexes.iter().all(|index| index.settled().is_some()) {
        return Ok(());
    }
    let _turn = info.building.lock();
    while info.indexes.iter().any(|index| index.settled().is_none()) {
        let outcome = store.change_with(Durability::Fast, |attempt| batch::<T>(store, attempt, info))?;
        info.built_count.store(outcome.progress.row_count, Ordering::Relaxed);
        let core = store.engine.core();
        if outcome.finished || !outcome.off.is_empty() {
            core.confirm(core.applied(), store.durability())?;
        }
        let mut left = Vec::with_capacity(outcome.off.len());
        for (place, duplicates) in outcome.off {
            info.indexes[place].settle(Settled::Off { duplicates });
            left.push(info.indexes[place].keyspace);
        }
        if outcome.finished {
            let since = core.applied();
            for index in info.indexes.iter().filter(|index| index.settled().is_none()) {
                index.settle(Settled::Readable { since });
            }
        }
        if !left.is_empty() {
            // Nobody enters rows there from now on. What a crash keeps from going now goes with the next opening.
            store.change_with(Durability::Fast, |attempt| {
                for &keyspace in &left {
                    drop_keyspace(attempt, keyspace);
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// How far work on a table has come, as it is noted under `key`.
pub(super) fn progress(attempt: &Attempt, key: &[u8]) -> Result<StoredProgress> {
    match attempt.get(key, StoredProgress::decode)? {
        None => Ok(StoredProgress::default()),
        Some(progress) => progress.map_err(|fault| attempt.corruption(fault)),
    }
}

/// The next rows that are to be worked on.
pub(super) fn next_rows(attempt: &Attempt, info: &TableInfo, progress: &StoredProgress) -> Result<RowBatch> {
    let prefix = info.rows.prefix();
    let start = if progress.next.is_empty() { prefix.to_vec() } else { progress.next.clone() };
    let mut scan: EntryScan = attempt.scan(KeyRange { start, end: successor(&prefix) })?;
    let (mut rows, mut size) = (Vec::new(), 0);
    while rows.len() < BATCH_COUNT && size < BATCH_SIZE {
        let Some(found) = scan.next()? else { return Ok(RowBatch { rows, is_last: true }) };
        let value = found.value.load()?;
        size += value.len();
        rows.push((found.key.to_vec(), value.to_vec()));
    }
    Ok(RowBatch { rows, is_last: false })
}

/// The progress after a batch: it goes on behind the last of its rows.
pub(super) fn progress_after(progress: &StoredProgress, batch: &RowBatch) -> StoredProgress {
    let next = batch.rows.last().map(|(key, _)| after(key));
    StoredProgress {
        next: next.unwrap_or_else(|| progress.next.clone()),
        row_count: progress.row_count + batch.rows.len() as u64,
    }
}

fn batch<T: Table>(store: &Store, attempt: &Attempt, info: &TableInfo) -> Result<Outcome> {
    let key = catalog::build_key(info.rows);
    let before = progress(attempt, &key)?;
    let batch = next_rows(attempt, info, &before)?;
    let mut duplicates: Vec<Vec<Duplicate>> = vec![Vec::new(); info.indexes.len()];
    for (key, bytes) in &batch.rows {
        let row = row::open::<T>(bytes).map_err(|fault| attempt.corruption(fault))?;
        enter(attempt, info, &key[PREFIX..], &row, &mut duplicates)?;
    }
    let off: Vec<_> = duplicates.into_iter().enumerate().filter(|(_, pairs)| !pairs.is_empty()).collect();
    for (place, _) in &off {
        catalog::turn_off(attempt, info, info.indexes[*place].keyspace, store.engine.dir())?;
    }
    let progress = progress_after(&before, &batch);
    if batch.is_last {
        catalog::finish_build(attempt, info, store.engine.dir())?;
    } else {
        attempt.put(&key, &progress.encode()?);
    }
    Ok(Outcome { progress, finished: batch.is_last, off })
}

/// Enters a row in the indexes that are being built.
fn enter<T: Table>(
    attempt: &Attempt,
    info: &TableInfo,
    primary_key: &[u8],
    row: &T,
    duplicates: &mut [Vec<Duplicate>],
) -> Result<()> {
    for entry in info.entries(primary_key, row)? {
        if info.indexes[entry.index].settled().is_some() {
            continue;
        }
        if !entry.owned {
            attempt.put(&entry.key, &[]);
            continue;
        }
        match attempt.get(&entry.key, <[u8]>::to_vec)? {
            None => attempt.put(&entry.key, primary_key),
            Some(owner) if owner == primary_key => {}
            Some(owner) => {
                let pairs = &mut duplicates[entry.index];
                if pairs.len() < DUPLICATE_LIMIT {
                    pairs.push(Duplicate { first: owner, second: primary_key.to_vec() });
                }
            }
        }
    }
    Ok(())
}
