//! The core of every scan: an entry scan of a range of a keyspace, stages over it, rows where they
//! are needed.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use super::cursor::{Cursor, MAX_COUNTS, Owner, Page};
use super::layout::{EntryLayout, ScanError, Target};
use super::output::{CountOf, FoundOf, Output, RowOf};
use super::stage::{ScanStage, ScanStages};
use crate::base::{KeyRange, after, successor};
use crate::cursor::Direction;
use crate::error::{Error, Result};
use crate::table::DefaultTable;
use crate::table::catalog::TableInfo;
use crate::table::key::{Edge, Key, KeyRangeArg, KeyWriter, MAX_KEY_SIZE};
use crate::table::schema::mapper::Table;
use crate::table::source::Access;
use crate::txn::{EntryScan, Txn};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RangeEnd {
    Front,
    Back,
}

impl RangeEnd {
    fn opposite(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }

    /// The direction of a scan from this end.
    fn direction(self) -> Direction {
        match self {
            Self::Front => Direction::Forward,
            Self::Back => Direction::Backward,
        }
    }
}

pub(super) struct ScanCore<'a, T: Table> {
    pub(super) info: Arc<TableInfo>,
    pub(super) layout: EntryLayout,
    /// The prefix of every key of the range.
    fixed: KeyWriter,
    /// `None` if it could not be begun.
    pub(super) entry_scan: Option<EntryScan>,
    /// An error that the first step returns.
    failure: Option<Error>,
    pub(super) stages: Vec<ScanStage<'a, T>>,
    /// Whether the scan's front is the back of the range.
    pub(super) reversed: bool,
    /// The end of the range from which `Skip` and `Limit` count. A scan from the other end runs the
    /// stages first, and keeps what they leave in `buffered`.
    counted_from: Option<RangeEnd>,
    /// What they left, in the order of the range: key of the scan, primary key.
    pub(super) buffered: Option<VecDeque<(Vec<u8>, Vec<u8>)>>,
    pub(super) finished: bool,
    /// Whether the primary key is returned in place of the key of the scan.
    pub(super) shows_primary_key: bool,
}

impl<'a, T: Table> ScanCore<'a, T> {
    /// A scan of the whole target, whose keys are of type `K`.
    pub(super) fn new<K: Key, M: Access>(table: &DefaultTable<T, M>, target: Target) -> Self {
        let layout = EntryLayout::new::<K>(table.info(), target);
        let ready = match target {
            Target::Rows => Ok(()),
            Target::Index(index) => table.ensure_readable(index),
        };
        let scan = ready.and_then(|()| table.source().scan(KeyRange::prefix(&layout.prefix)));
        let scan = scan.and_then(|scan| {
            if scan.session().is_some() && target != Target::Rows {
                return remote_index_scan(scan, table.info(), layout);
            }
            Ok(scan)
        });
        let (entry_scan, failure) = match scan {
            Ok(entry_scan) => (Some(entry_scan), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            info: Arc::clone(table.info()),
            fixed: KeyWriter::new(&layout.prefix),
            layout,
            entry_scan,
            failure,
            stages: Vec::new(),
            reversed: false,
            counted_from: None,
            buffered: None,
            finished: false,
            shows_primary_key: false,
        }
    }

    /// Narrows to the keys that begin with the fixed prefix and what `write` adds to it.
    pub(super) fn fix_prefix(&mut self, write: impl FnOnce(&mut KeyWriter)) {
        write(&mut self.fixed);
        let range = self.fixed.sought().map_or_else(|| empty_range(self.layout.prefix), KeyRange::prefix);
        self.set_range(Ok(range));
    }

    /// Narrows to a range of the key behind the fixed prefix.
    pub(super) fn narrow<P: Key, M>(&mut self, range: &impl KeyRangeArg<P, M>) {
        if self.fixed.sought().is_none() {
            return self.set_range(Ok(empty_range(self.layout.prefix)));
        }
        let (mut start, mut end) = (self.fixed.clone(), self.fixed.clone());
        let (from, to) = (range.start(&mut start), range.end(&mut end));
        let range = start.edge().and_then(|start| {
            // A key is never a prefix of another one, so whatever begins with a bound is equal to
            // it.
            let start = match (from, start) {
                (Bound::Excluded(()), Edge::At(key)) | (_, Edge::After(key)) => {
                    successor(key).unwrap_or_else(|| key.to_vec())
                }
                (Bound::Included(()) | Bound::Unbounded, Edge::At(key)) | (_, Edge::Before(key)) => {
                    key.to_vec()
                }
            };
            let end = match (to, end.edge()?) {
                (Bound::Excluded(()), Edge::At(key)) | (_, Edge::Before(key)) => Some(key.to_vec()),
                (Bound::Included(()) | Bound::Unbounded, Edge::At(key)) | (_, Edge::After(key)) => {
                    successor(key)
                }
            };
            Ok(KeyRange { start, end })
        });
        self.set_range(range);
    }

    /// Like [`fix_prefix`](Self::fix_prefix) for a whole key: the primary key follows in the
    /// entries of an index.
    pub(super) fn fix_key(&mut self, write: impl FnOnce(&mut KeyWriter)) {
        self.fix_prefix(write);
        self.layout.fix_key(self.fixed.size());
    }

    fn set_range(&mut self, range: Result<KeyRange>) {
        match (range, &mut self.entry_scan) {
            (Ok(range), Some(entry_scan)) => entry_scan.set_range(range),
            (Ok(_), None) => {}
            (Err(error), _) => self.failure = Some(error),
        }
    }

    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }

    pub(super) fn limit(&mut self, count: u64) {
        self.count(ScanStage::Limit(count));
    }

    pub(super) fn skip(&mut self, count: u64) {
        self.count(ScanStage::Skip(count));
    }

    pub(super) fn filter(&mut self, keep: impl FnMut(&T) -> bool + Send + 'a) {
        self.stages.push(ScanStage::Filter(Box::new(keep)));
    }

    pub(super) fn show_primary_key(&mut self) {
        self.shows_primary_key = true;
    }

    pub(super) fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    /// The engine's keys of the remaining rows, in the snapshot of a transaction.
    pub(super) fn rows_in(&mut self, txn: &Txn) -> Result<Vec<KeyWriter>> {
        let info = Arc::clone(&self.info);
        let Some(mut there) = self.in_txn(txn)? else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        while let Some((_, primary_key)) = there.step::<FoundOf>(RangeEnd::Front)? {
            keys.push(info.key_of_row(&primary_key));
        }
        Ok(keys)
    }

    /// The engine's key of the next row from an end, in the snapshot of a transaction.
    pub(super) fn row_in(&mut self, txn: &Txn, end: RangeEnd) -> Result<Option<KeyWriter>> {
        let info = Arc::clone(&self.info);
        let Some(mut there) = self.in_txn(txn)? else { return Ok(None) };
        let found = there.step::<FoundOf>(end)?;
        Ok(found.map(|(_, primary_key)| info.key_of_row(&primary_key)))
    }

    /// The rest of the scan in the snapshot of a transaction.
    fn in_txn(&mut self, txn: &Txn) -> Result<Option<ScanCore<'_, T>>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some(entry_scan) = &self.entry_scan else { return Ok(None) };
        Ok(Some(ScanCore {
            info: Arc::clone(&self.info),
            layout: self.layout,
            fixed: self.fixed.clone(),
            entry_scan: Some(txn.scan(entry_scan.rest())?),
            failure: None,
            stages: self.stages.iter_mut().map(ScanStage::lend).collect(),
            reversed: self.reversed,
            counted_from: self.counted_from,
            buffered: self.buffered.clone(),
            finished: self.finished,
            shows_primary_key: false,
        }))
    }

    /// Restarts the rest in the snapshot of another entry scan.
    pub(super) fn restart(&mut self, scan: impl FnOnce(KeyRange) -> Result<EntryScan>) -> Result<()> {
        if let Some(entry_scan) = &self.entry_scan {
            self.entry_scan = Some(scan(entry_scan.rest())?);
        }
        Ok(())
    }

    pub(super) fn next_keys(&mut self, end: RangeEnd) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.step::<FoundOf>(end)
    }

    /// Whether the scan would return this row for an entry that it has found.
    pub(super) fn selects(&mut self, entry: &[u8], primary_key: &[u8], row: &T) -> Result<bool> {
        if let Target::Index(index) = self.layout.target {
            let is_found = |key: &[u8]| key.strip_prefix(&self.layout.prefix) == Some(entry);
            let entries = self.info.entries(primary_key, row)?;
            if !entries.iter().any(|entry| entry.index == index && is_found(&entry.key)) {
                return Ok(false);
            }
        }
        Ok(self.stages.iter_mut().all(|stage| match stage {
            ScanStage::Filter(keep) => keep(row),
            ScanStage::Skip(_) | ScanStage::Limit(_) => true,
        }))
    }

    /// The next `count` rows after a cursor, and a cursor for what follows them.
    pub(super) fn page(&mut self, count: u64, cursor: Option<&Cursor>) -> Result<Page<T>> {
        if count == 0 {
            return Err(Error::Unsupported(
                "a page of no rows, behind which the next one would begin where it did",
            ));
        }
        let count_count = self.counts().count();
        if self.buffered.is_some() || count_count > MAX_COUNTS {
            return Err(Error::Unsupported("a page of a scan that is cut from both of its ends"));
        }
        if let Some(cursor) = cursor {
            self.resume(cursor)?;
        }
        let mut rows = Vec::new();
        while (rows.len() as u64) < count {
            match self.step::<RowOf>(RangeEnd::Front)? {
                Some(row) => rows.push(row),
                None => return Ok(Page { rows, next: None }),
            }
        }
        // What was buffered was counted to its end.
        let next = self.cursor().map(|mut here| {
            here.counts.resize(count_count, 0);
            here
        });
        let more = self.step::<CountOf>(RangeEnd::Front)?;
        Ok(Page { rows, next: more.and(next) })
    }

    /// The scan that a cursor has to belong to.
    fn owner(&self) -> Owner {
        let index = match self.layout.target {
            Target::Rows => "",
            Target::Index(index) => self.info.schema.indexes[index].name,
        };
        Owner { table: self.info.schema.name.to_owned(), index: index.to_owned(), backward: self.reversed }
    }

    /// What the counting stages have left.
    fn counts(&mut self) -> impl Iterator<Item = &mut u64> {
        self.stages.iter_mut().filter_map(|stage| match stage {
            ScanStage::Skip(count) | ScanStage::Limit(count) => Some(count),
            ScanStage::Filter(_) => None,
        })
    }

    fn resume(&mut self, cursor: &Cursor) -> Result<()> {
        cursor.ensure_of(&self.owner(), self.counts().count())?;
        // Counts from the far end start anew, since nothing there was passed yet.
        if self.counted_from == Some(self.end_of_range(RangeEnd::Front)) {
            self.counts().zip(&cursor.counts).for_each(|(count, &left)| *count = left.min(*count));
        }
        let position = [&self.layout.prefix, &*cursor.position].concat();
        let Some(entry_scan) = &mut self.entry_scan else { return Ok(()) };
        let mut range = entry_scan.rest();
        if cursor.owner.backward {
            if range.ends_after(&position) {
                range.end = Some(position);
            }
        } else if position > range.start {
            range.start = position;
        }
        entry_scan.set_range(range);
        Ok(())
    }

    /// A cursor for what neither end has returned.
    fn cursor(&mut self) -> Option<Cursor> {
        let (owner, counts) = (self.owner(), self.counts().map(|count| *count).collect());
        let prefix = self.layout.prefix.len();
        let position = match (&self.buffered, self.reversed) {
            // The next key begins the rest, or ends it: a key is never a prefix of another one.
            (Some(buffered), false) => buffered.front()?.0.clone(),
            (Some(buffered), true) => after(&buffered.back()?.0),
            (None, false) => self.entry_scan.as_ref()?.rest().start.get(prefix..)?.to_vec(),
            // No end is the same as the keyspace's, which no key reaches.
            (None, true) => {
                self.entry_scan.as_ref()?.rest().end.as_ref().map_or_else(end_of_keyspace, |end| {
                    end.strip_prefix(&self.layout.prefix).map_or_else(end_of_keyspace, <[u8]>::to_vec)
                })
            }
        };
        Some(Cursor { owner, counts, position })
    }

    /// The next item from an end of the scan; `None` after the last one and after an error.
    #[inline]
    pub(super) fn step<O: Output<T>>(&mut self, end: RangeEnd) -> Result<Option<O::Item>> {
        if self.finished {
            return Ok(None);
        }
        // This stays so after an error.
        self.finished = true;
        let found = self.try_step::<O>(self.end_of_range(end))?;
        self.finished = found.is_none();
        Ok(found)
    }

    /// The number of entries left from an end.
    ///
    /// Without stages, the entries of a block that are all visible are counted at once.
    pub(super) fn count_left(&mut self, end: RangeEnd) -> Result<u64> {
        let direction = self.end_of_range(end).direction();
        let counts_all = self.stages.is_empty() && self.counted_from.is_none() && self.buffered.is_none();
        let mut count = 0;
        while self.step::<CountOf>(end)?.is_some() {
            count += 1;
            if counts_all && let Some(entry_scan) = &mut self.entry_scan {
                count += entry_scan.pass_live(direction) as u64;
            }
        }
        Ok(count)
    }

    /// Whether the row of each entry is read anyway, by a filter or as the target.
    pub(super) fn reads_rows(&self) -> bool {
        self.target() == Target::Rows || self.stages.iter().any(|stage| matches!(stage, ScanStage::Filter(_)))
    }

    pub(super) fn target(&self) -> Target {
        self.layout.target
    }

    pub(super) fn rows_prefix(&self) -> [u8; 4] {
        self.info.rows.prefix()
    }

    pub(super) fn entry_scan(&self) -> Option<&EntryScan> {
        self.entry_scan.as_ref()
    }

    fn end_of_range(&self, end: RangeEnd) -> RangeEnd {
        if self.reversed { end.opposite() } else { end }
    }

    /// Adds a stage that counts from the scan's front.
    fn count(&mut self, stage: ScanStage<'a, T>) {
        let front = self.end_of_range(RangeEnd::Front);
        if self.counted_from.is_some_and(|end| end != front)
            && let Err(error) = self.buffer_rest()
        {
            self.failure = Some(error);
        }
        self.counted_from = Some(front);
        self.stages.push(stage);
    }

    /// Before a step: returns an early error, and runs the stages for a scan against the direction
    /// of their count.
    #[cold]
    fn prepare(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.buffer_rest(),
        }
    }

    /// Runs all stages now and keeps what they leave.
    fn buffer_rest(&mut self) -> Result<()> {
        let Some(end) = self.counted_from.take() else { return Ok(()) };
        let mut found = VecDeque::new();
        while let Some(keys) = self.try_step::<FoundOf>(end)? {
            match end {
                RangeEnd::Front => found.push_back(keys),
                RangeEnd::Back => found.push_front(keys),
            }
        }
        self.stages.clear();
        self.buffered = Some(found);
        Ok(())
    }

    #[inline(always)]
    fn try_step<O: Output<T>>(&mut self, end: RangeEnd) -> Result<Option<O::Item>> {
        if self.failure.is_some() || self.counted_from.is_some_and(|counted| counted != end) {
            self.prepare()?;
        }
        let Some(entry_scan) = &mut self.entry_scan else { return Ok(None) };
        let (info, target) = (&*self.info, self.layout.target);
        let mut stages =
            ScanStages { info, stages: &mut self.stages, shows_primary_key: self.shows_primary_key };
        while !stages.is_exhausted() {
            let item = if let Some(buffered) = &mut self.buffered {
                let next = match end {
                    RangeEnd::Front => buffered.pop_front(),
                    RangeEnd::Back => buffered.pop_back(),
                };
                let Some((key, primary_key)) = next else { break };
                match stages.apply::<O>(entry_scan.state(), &key, &primary_key, None) {
                    Ok(item) => item,
                    Err(error) => return Err(error.error(info, target, &primary_key)),
                }
            } else {
                let direction = end.direction();
                if !entry_scan.step(direction)? {
                    break;
                }
                let Some(found) = entry_scan.found(direction) else { break };
                let key = &found.key[self.layout.prefix.len()..];
                let loaded = self.layout.needs_value().then(|| found.value.load()).transpose()?;
                let Ok(primary_key) = self.layout.primary_key(key, loaded.as_deref().unwrap_or_default())
                else {
                    return Err(ScanError::NoRow.error(info, target, &[]));
                };
                let row = matches!(target, Target::Rows).then_some(found.value);
                match stages.apply::<O>(found.state, key, primary_key, row) {
                    Ok(item) => item,
                    Err(error) => return Err(error.error(info, target, primary_key)),
                }
            };
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }
}

/// A scan of an index of a remote engine, whose rows are read page by page; an error if the table
/// has changed under this program.
#[cold]
fn remote_index_scan(mut scan: EntryScan, info: &Arc<TableInfo>, layout: EntryLayout) -> Result<EntryScan> {
    if let Some(session) = scan.session() {
        info.ensure_current(session, &[])?;
    }
    let rows = Arc::clone(info);
    scan.set_follow(Arc::new(move |key, value| {
        let primary_key = layout.primary_key(key.get(layout.prefix.len()..)?, value).ok()?;
        rows.key_of_row(primary_key).finish().ok().map(<[u8]>::to_vec)
    }));
    Ok(scan)
}

fn empty_range(prefix: [u8; 4]) -> KeyRange {
    KeyRange { start: prefix.to_vec(), end: Some(prefix.to_vec()) }
}

/// A bound after every key of a keyspace: longer than any, and not less at any byte.
fn end_of_keyspace() -> Vec<u8> {
    vec![u8::MAX; 2 * MAX_KEY_SIZE + 1]
}

impl<T: Table> fmt::Debug for ScanCore<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("table", &self.info.schema.name)
            .field("stage_count", &self.stages.len())
            .field("reversed", &self.reversed)
            .finish_non_exhaustive()
    }
}
