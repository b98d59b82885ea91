//! The walk under every scan: a range of a keyspace, stages on it, rows where they are needed.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use super::cursor::{Cursor, MAX_COUNTS, Owner, Page};
use super::exit::{Exit, Stage};
use super::layout::{Layout, Target};
use super::output::{CountOf, FoundOf, Output, RowOf};
use super::trouble::Trouble;
use crate::base::{KeyRange, after, successor};
use crate::cursor::Direction;
use crate::error::{Error, Result};
use crate::table::DefaultTable;
use crate::table::catalog::TableInfo;
use crate::table::key::{Edge, Key, KeyWriter, MAX_KEY_SIZE, RangeOver};
use crate::table::mapper::Table;
use crate::table::source::Access;
use crate::txn::{Attempt, EntryScan};

/// An end of the range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Front,
    Back,
}

impl End {
    fn opposite(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }
}

/// A walk over rows or index entries.
pub(super) struct Walker<'a, T: Table> {
    pub(super) info: Arc<TableInfo>,
    pub(super) layout: Layout,
    /// What every key of the walk begins with.
    fixed: KeyWriter,
    /// The state that is walked over; `None` when it could not be had.
    pub(super) walk: Option<EntryScan>,
    /// What is to be said at the first step.
    failure: Option<Error>,
    pub(super) stages: Vec<Stage<'a, T>>,
    /// Whether the scan's front is the back of the range.
    pub(super) turned: bool,
    /// The end of the range from which `Skip` and `Limit` count. To go from the other one, what
    /// they leave has to be found first: it is then kept in `ahead`.
    counted_from: Option<End>,
    /// What was found so, in the order of the range: the key that the scan goes by, and the primary
    /// key.
    pub(super) ahead: Option<VecDeque<(Vec<u8>, Vec<u8>)>>,
    pub(super) finished: bool,
    /// Whether the primary key is to be shown where the key is that the scan goes by.
    pub(super) forgets_key: bool,
}

impl<'a, T: Table> Walker<'a, T> {
    /// A walk over all of the target, whose keys are of type `K`.
    pub(super) fn new<K: Key, M: Access>(table: &DefaultTable<T, M>, target: Target) -> Self {
        let layout = Layout::new::<K>(table.info(), target);
        let ready = match target {
            Target::Rows => Ok(()),
            Target::Index(place) => table.ensure_readable(place),
        };
        let scan = ready.and_then(|()| table.source().scan(KeyRange::prefix(&layout.prefix)));
        let scan = scan.and_then(|scan| {
            if scan.session().is_some() && target != Target::Rows {
                return of_index_elsewhere(scan, table.info(), layout);
            }
            Ok(scan)
        });
        let (walk, failure) = match scan {
            Ok(walk) => (Some(walk), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            info: Arc::clone(table.info()),
            fixed: KeyWriter::new(&layout.prefix),
            layout,
            walk,
            failure,
            stages: Vec::new(),
            turned: false,
            counted_from: None,
            ahead: None,
            finished: false,
            forgets_key: false,
        }
    }

    /// Leaves only the keys that begin with what is fixed and what `write` adds to it.
    pub(super) fn fix(&mut self, write: impl FnOnce(&mut KeyWriter)) {
        write(&mut self.fixed);
        let range = self.fixed.sought().map_or_else(|| nothing(self.layout.prefix), KeyRange::prefix);
        self.set_range(Ok(range));
    }

    /// Leaves only the keys whose part after what is fixed lies in a range.
    pub(super) fn narrow<P: Key, M>(&mut self, range: &impl RangeOver<P, M>) {
        if self.fixed.sought().is_none() {
            return self.set_range(Ok(nothing(self.layout.prefix)));
        }
        let (mut start, mut end) = (self.fixed.clone(), self.fixed.clone());
        let (from, to) = (range.start(&mut start), range.end(&mut end));
        let range = start.edge().and_then(|start| {
            // A key is never the beginning of another one, so all that begins with a bound is equal
            // to it.
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

    /// Leaves only the keys that begin with what is fixed and what `write` adds to it, which is all
    /// of the key that the scan goes by: what follows in an entry of an index is the primary key.
    pub(super) fn fix_whole(&mut self, write: impl FnOnce(&mut KeyWriter)) {
        self.fix(write);
        self.layout.fix_key(self.fixed.size());
    }

    fn set_range(&mut self, range: Result<KeyRange>) {
        match (range, &mut self.walk) {
            (Ok(range), Some(walk)) => walk.set_range(range),
            (Ok(_), None) => {}
            (Err(error), _) => self.failure = Some(error),
        }
    }

    pub(super) fn turn(&mut self) {
        self.turned = !self.turned;
    }

    pub(super) fn limit(&mut self, count: u64) {
        self.count(Stage::Limit(count));
    }

    pub(super) fn skip(&mut self, count: u64) {
        self.count(Stage::Skip(count));
    }

    pub(super) fn filter(&mut self, keep: impl FnMut(&T) -> bool + Send + 'a) {
        self.stages.push(Stage::Filter(Box::new(keep)));
    }

    /// Shows the primary key instead of the key that the scan goes by.
    pub(super) fn forget_key(&mut self) {
        self.forgets_key = true;
    }

    pub(super) fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    /// The engine's keys of the rows that are left, in the state of an attempt.
    pub(super) fn rows_in(&mut self, attempt: &Attempt) -> Result<Vec<KeyWriter>> {
        let info = Arc::clone(&self.info);
        let Some(mut there) = self.in_attempt(attempt)? else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        while let Some((_, primary_key)) = there.step::<FoundOf>(End::Front)? {
            keys.push(info.key_of_row(&primary_key));
        }
        Ok(keys)
    }

    /// The engine's key of the next row from an end, in the state of an attempt.
    pub(super) fn row_in(&mut self, attempt: &Attempt, end: End) -> Result<Option<KeyWriter>> {
        let info = Arc::clone(&self.info);
        let Some(mut there) = self.in_attempt(attempt)? else { return Ok(None) };
        let found = there.step::<FoundOf>(end)?;
        Ok(found.map(|(_, primary_key)| info.key_of_row(&primary_key)))
    }

    /// The same walk over what is left, in the state of an attempt.
    fn in_attempt(&mut self, attempt: &Attempt) -> Result<Option<Walker<'_, T>>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some(walk) = &self.walk else { return Ok(None) };
        Ok(Some(Walker {
            info: Arc::clone(&self.info),
            layout: self.layout,
            fixed: self.fixed.clone(),
            walk: Some(attempt.scan(walk.rest())?),
            failure: None,
            stages: self.stages.iter_mut().map(Stage::lend).collect(),
            turned: self.turned,
            counted_from: self.counted_from,
            ahead: self.ahead.clone(),
            finished: self.finished,
            forgets_key: false,
        }))
    }

    /// Goes over what is left in a state that `scan` makes a scan of.
    pub(super) fn look_anew(&mut self, scan: impl FnOnce(KeyRange) -> Result<EntryScan>) -> Result<()> {
        if let Some(walk) = &self.walk {
            self.walk = Some(scan(walk.rest())?);
        }
        Ok(())
    }

    /// The key that the scan goes by, and the primary key, of the next row from an end.
    pub(super) fn next_found(&mut self, end: End) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.step::<FoundOf>(end)
    }

    /// Whether the scan would give this row for an entry that it has found.
    pub(super) fn gives(&mut self, entry: &[u8], primary_key: &[u8], row: &T) -> Result<bool> {
        if let Target::Index(place) = self.layout.target {
            let is_found = |key: &[u8]| key.strip_prefix(&self.layout.prefix) == Some(entry);
            let entries = self.info.entries(primary_key, row)?;
            if !entries.iter().any(|entry| entry.index == place && is_found(&entry.key)) {
                return Ok(false);
            }
        }
        Ok(self.stages.iter_mut().all(|stage| match stage {
            Stage::Filter(keep) => keep(row),
            Stage::Skip(_) | Stage::Limit(_) => true,
        }))
    }

    /// The next `count` rows from where a cursor stands, and a cursor for what follows them.
    pub(super) fn page(&mut self, count: u64, cursor: Option<&Cursor>) -> Result<Page<T>> {
        if count == 0 {
            return Err(Error::Unsupported(
                "a page of no rows, behind which the next one would begin where it did",
            ));
        }
        let count_count = self.counts().count();
        if self.ahead.is_some() || count_count > MAX_COUNTS {
            return Err(Error::Unsupported("a page of a scan that is cut from both of its ends"));
        }
        if let Some(cursor) = cursor {
            self.resume(cursor)?;
        }
        let mut rows = Vec::new();
        while (rows.len() as u64) < count {
            match self.step::<RowOf>(End::Front)? {
                Some(row) => rows.push(row),
                None => return Ok(Page { rows, next: None }),
            }
        }
        // What was found ahead was counted to its end.
        let next = self.here().map(|mut here| {
            here.counts.resize(count_count, 0);
            here
        });
        let more = self.step::<CountOf>(End::Front)?;
        Ok(Page { rows, next: more.and(next) })
    }

    /// What a cursor has to belong to.
    fn owner(&self) -> Owner {
        let index = match self.layout.target {
            Target::Rows => "",
            Target::Index(place) => self.info.schema.indexes[place].name,
        };
        Owner { table: self.info.schema.name.to_owned(), index: index.to_owned(), backward: self.turned }
    }

    /// What the stages that count have left.
    fn counts(&mut self) -> impl Iterator<Item = &mut u64> {
        self.stages.iter_mut().filter_map(|stage| match stage {
            Stage::Skip(count) | Stage::Limit(count) => Some(count),
            Stage::Filter(_) => None,
        })
    }

    /// Goes on where a cursor stands.
    fn resume(&mut self, cursor: &Cursor) -> Result<()> {
        cursor.ensure_of(&self.owner(), self.counts().count())?;
        // What is counted from the far end is counted anew: nothing there was passed yet.
        if self.counted_from == Some(self.end_of_range(End::Front)) {
            self.counts().zip(&cursor.counts).for_each(|(count, &left)| *count = left.min(*count));
        }
        let place = [&self.layout.prefix, &*cursor.place].concat();
        let Some(walk) = &mut self.walk else { return Ok(()) };
        let mut range = walk.rest();
        if cursor.owner.backward {
            if range.ends_after(&place) {
                range.end = Some(place);
            }
        } else if place > range.start {
            range.start = place;
        }
        walk.set_range(range);
        Ok(())
    }

    /// A cursor for what neither end has given.
    fn here(&mut self) -> Option<Cursor> {
        let (owner, counts) = (self.owner(), self.counts().map(|count| *count).collect());
        let prefix = self.layout.prefix.len();
        let place = match (&self.ahead, self.turned) {
            // What is next begins the rest, or ends it: a key is never the beginning of another
            // one.
            (Some(ahead), false) => ahead.front()?.0.clone(),
            (Some(ahead), true) => after(&ahead.back()?.0),
            (None, false) => self.walk.as_ref()?.rest().start.get(prefix..)?.to_vec(),
            // The end of everything is as good as that of the keyspace, which no key reaches.
            (None, true) => self.walk.as_ref()?.rest().end.as_ref().map_or_else(end_of_keyspace, |end| {
                end.strip_prefix(&self.layout.prefix).map_or_else(end_of_keyspace, <[u8]>::to_vec)
            }),
        };
        Some(Cursor { owner, counts, place })
    }

    /// The next one from an end of the scan; after the last one or an error, nothing more.
    #[inline]
    pub(super) fn step<O: Output<T>>(&mut self, end: End) -> Result<Option<O::Item>> {
        if self.finished {
            return Ok(None);
        }
        // An error leaves it so.
        self.finished = true;
        let found = self.try_step::<O>(self.end_of_range(end))?;
        self.finished = found.is_none();
        Ok(found)
    }

    /// How many entries are left from an end.
    ///
    /// Where nothing holds entries back, those of a block of which all are seen are counted at
    /// once.
    pub(super) fn count_left(&mut self, end: End) -> Result<u64> {
        let direction = match self.end_of_range(end) {
            End::Front => Direction::Forward,
            End::Back => Direction::Backward,
        };
        let counts_all = self.stages.is_empty() && self.counted_from.is_none() && self.ahead.is_none();
        let mut count = 0;
        while self.step::<CountOf>(end)?.is_some() {
            count += 1;
            if counts_all && let Some(walk) = &mut self.walk {
                count += walk.pass_live(direction) as u64;
            }
        }
        Ok(count)
    }

    /// Whether the row of each entry is read anyway, by a filter or because it is what is walked
    /// over.
    pub(super) fn reads_rows(&self) -> bool {
        self.target() == Target::Rows || self.stages.iter().any(|stage| matches!(stage, Stage::Filter(_)))
    }

    /// What is walked over.
    pub(super) fn target(&self) -> Target {
        self.layout.target
    }

    /// What the engine's keys of rows begin with.
    pub(super) fn rows_prefix(&self) -> [u8; 4] {
        self.info.rows.prefix()
    }

    /// The state that is walked over.
    pub(super) fn walk(&self) -> Option<&EntryScan> {
        self.walk.as_ref()
    }

    fn end_of_range(&self, end: End) -> End {
        if self.turned { end.opposite() } else { end }
    }

    /// Adds a stage that counts from the scan's front.
    fn count(&mut self, stage: Stage<'a, T>) {
        let front = self.end_of_range(End::Front);
        if self.counted_from.is_some_and(|end| end != front)
            && let Err(error) = self.find_ahead()
        {
            self.failure = Some(error);
        }
        self.counted_from = Some(front);
        self.stages.push(stage);
    }

    /// Before a step: says what was wrong from the beginning, and finds what the stages leave when
    /// it goes against their count.
    #[cold]
    fn prepare(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.find_ahead(),
        }
    }

    /// Runs all stages now and keeps what they leave.
    fn find_ahead(&mut self) -> Result<()> {
        let Some(end) = self.counted_from.take() else { return Ok(()) };
        let mut found = VecDeque::new();
        while let Some(keys) = self.try_step::<FoundOf>(end)? {
            match end {
                End::Front => found.push_back(keys),
                End::Back => found.push_front(keys),
            }
        }
        self.stages.clear();
        self.ahead = Some(found);
        Ok(())
    }

    #[inline(always)]
    fn try_step<O: Output<T>>(&mut self, end: End) -> Result<Option<O::Item>> {
        if self.failure.is_some() || self.counted_from.is_some_and(|counted| counted != end) {
            self.prepare()?;
        }
        let Some(walk) = &mut self.walk else { return Ok(None) };
        let (info, target) = (&*self.info, self.layout.target);
        let mut exit = Exit { info, stages: &mut self.stages, forgets_key: self.forgets_key };
        while !exit.is_shut() {
            let item = if let Some(ahead) = &mut self.ahead {
                let next = match end {
                    End::Front => ahead.pop_front(),
                    End::Back => ahead.pop_back(),
                };
                let Some((key, primary_key)) = next else { break };
                match exit.pass::<O>(walk.state(), &key, &primary_key, None) {
                    Ok(item) => item,
                    Err(trouble) => return Err(trouble.error(info, target, &primary_key)),
                }
            } else {
                let next = match end {
                    End::Front => walk.next()?,
                    End::Back => walk.next_back()?,
                };
                let Some(found) = next else { break };
                let key = &found.key[self.layout.prefix.len()..];
                let loaded = self.layout.needs_value().then(|| found.value.load()).transpose()?;
                let Ok(primary_key) = self.layout.primary_key(key, loaded.as_deref().unwrap_or_default())
                else {
                    return Err(Trouble::NoRow.error(info, target, &[]));
                };
                let row = matches!(target, Target::Rows).then_some(found.value);
                match exit.pass::<O>(found.state, key, primary_key, row) {
                    Ok(item) => item,
                    Err(trouble) => return Err(trouble.error(info, target, primary_key)),
                }
            };
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }
}

/// A scan of an index on an engine elsewhere, whose rows are read page by page; an error if the
/// table is not as this program knows it.
#[cold]
fn of_index_elsewhere(mut scan: EntryScan, info: &Arc<TableInfo>, layout: Layout) -> Result<EntryScan> {
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

/// A range of a keyspace in which no key lies.
fn nothing(prefix: [u8; 4]) -> KeyRange {
    KeyRange { start: prefix.to_vec(), end: Some(prefix.to_vec()) }
}

/// A place behind every key of a keyspace: longer than any, and not less at any byte.
fn end_of_keyspace() -> Vec<u8> {
    vec![u8::MAX; 2 * MAX_KEY_SIZE + 1]
}

impl<T: Table> fmt::Debug for Walker<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("table", &self.info.schema.name)
            .field("stage_count", &self.stages.len())
            .field("turned", &self.turned)
            .finish_non_exhaustive()
    }
}
