//! Range reads: the live entries of a range at one sequence number, from both ends.

use super::levels::RunPieces;
use super::read::Reader;
use super::values::Value;
use super::view::View;
use super::{Core, Engine};
use crate::base::{Entry, KeyRange, Kind, SeqNo};
use crate::cursor::{Concat, Cursor, Direction, Merge, Visible};
use crate::error::{Error, Fault, Result};
use crate::memtable::MemtableCursor;
use crate::mvcc::Pin;
use crate::sst::SstCursor;
use crate::sync::Arc;

/// A cursor of one of the containers that the engine reads.
enum Source {
    Memtable(MemtableCursor),
    Sst(SstCursor),
    Run(Concat<RunPieces>),
}

impl Cursor for Source {
    fn entry(&self) -> Option<Entry<'_>> {
        match self {
            Self::Memtable(cursor) => cursor.entry(),
            Self::Sst(cursor) => cursor.entry(),
            Self::Run(cursor) => cursor.entry(),
        }
    }

    fn advance(&mut self) -> Result<()> {
        match self {
            Self::Memtable(cursor) => cursor.advance(),
            Self::Sst(cursor) => cursor.advance(),
            Self::Run(cursor) => cursor.advance(),
        }
    }
}

type Walk = Visible<Merge<Source>>;

/// A walk over a range from its front, its back, or both until they meet. It keeps what it sees alive.
///
/// Cursors are opened when an end is first asked for: finding it costs one block read for each run of level 0 and each
/// deeper level that the range touches, a step then one for every block that is entered.
pub(crate) struct EngineScan {
    core: Arc<Core>,
    view: Arc<View>,
    at: SeqNo,
    /// What neither end has given yet.
    rest: KeyRange,
    front: Option<Walk>,
    back: Option<Walk>,
}

/// An entry that a scan has come to, and a reader of the state that it belongs to.
pub(crate) struct Found<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: Value<'s>,
    pub(crate) reader: Reader<'s>,
}

impl Engine {
    /// The live entries of `range` as they are visible now; the scan goes on seeing them so.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EngineScan> {
        self.ensure_open()?;
        let view = self.view.load_full();
        let at = self.visible();
        Ok(EngineScan { core: Arc::clone(&self.core), view, at, rest: range, front: None, back: None })
    }
}

impl Core {
    /// The live entries of `range` at a pinned sequence number; the scan goes on seeing them so, whatever becomes of the
    /// pin. [`Error::SnapshotTooOld`] when it holds no more.
    pub(crate) fn scan_at(self: &Arc<Self>, range: KeyRange, pin: &Pin) -> Result<EngineScan> {
        self.ensure_open()?;
        let view = self.view.load_full();
        pin.ensure_held()?;
        Ok(EngineScan { core: Arc::clone(self), view, at: pin.at(), rest: range, front: None, back: None })
    }
}

impl EngineScan {
    /// Reads single keys of the state that the scan sees.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.view, self.at)
    }

    /// A scan of another range of the same state.
    pub(crate) fn another(&self, range: KeyRange) -> Self {
        let (core, view) = (Arc::clone(&self.core), Arc::clone(&self.view));
        Self { core, view, at: self.at, rest: range, front: None, back: None }
    }

    /// The value of an entry that this scan has given: see [`Value::stored`].
    pub(crate) fn value<'s>(&'s self, key: &'s [u8], (kind, stored): (Kind, &'s [u8])) -> Value<'s> {
        Value::new(key, kind, stored, &self.view.levels)
    }

    /// The error for stored bytes that make no sense.
    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        fault.at(&self.core.dir, 0)
    }

    /// Changes what is to be walked; only before the first step.
    pub(crate) fn set_range(&mut self, range: KeyRange) {
        self.rest = range;
    }

    /// The next entry from the front.
    pub(crate) fn next(&mut self) -> Result<Option<Found<'_>>> {
        let walk = match &mut self.front {
            Some(walk) => walk,
            none => none.insert(self.view.walk(&self.rest, Direction::Forward, self.at)?),
        };
        let Some((key, kind, stored)) = walk.next()? else { return Ok(None) };
        if !self.rest.ends_after(key) {
            return Ok(None);
        }
        self.rest.start.clear();
        self.rest.start.extend_from_slice(key);
        self.rest.start.push(0);
        let value = Value::new(key, kind, stored, &self.view.levels);
        Ok(Some(Found { key, value, reader: Reader::new(&self.view, self.at) }))
    }

    /// The next entry from the back.
    pub(crate) fn next_back(&mut self) -> Result<Option<Found<'_>>> {
        let walk = match &mut self.back {
            Some(walk) => walk,
            none => none.insert(self.view.walk(&self.rest, Direction::Backward, self.at)?),
        };
        let Some((key, kind, stored)) = walk.next()? else { return Ok(None) };
        if *key < *self.rest.start {
            return Ok(None);
        }
        let end = self.rest.end.get_or_insert_default();
        end.clear();
        end.extend_from_slice(key);
        let value = Value::new(key, kind, stored, &self.view.levels);
        Ok(Some(Found { key, value, reader: Reader::new(&self.view, self.at) }))
    }
}

impl View {
    fn walk(&self, range: &KeyRange, direction: Direction, at: SeqNo) -> Result<Walk> {
        let mut sources = Vec::with_capacity(1 + self.frozen.len() + self.levels.run_count());
        for memtable in self.memtables() {
            let cursor = MemtableCursor::new(Arc::clone(memtable), range.clone(), direction);
            sources.push(Source::Memtable(cursor));
        }
        for sst in self.levels.young().filter(|sst| range.meets(&sst.meta().smallest, &sst.meta().largest)) {
            sources.push(Source::Sst(sst.cursor(range, direction)?));
        }
        for run in self.levels.runs() {
            let places = run.meeting(range);
            if !places.is_empty() {
                sources.push(Source::Run(Concat::new(run.pieces(range, direction), places, direction)?));
            }
        }
        Ok(Visible::new(Merge::new(sources, direction), direction, at))
    }

    /// Whether an entry of `range` is above `at`, looked for only where such entries can be.
    ///
    /// Cost: a walk over the range in the memtables, and in the SSTs, that were written to since.
    pub(super) fn is_changed_within(&self, range: &KeyRange, at: SeqNo) -> Result<bool> {
        for memtable in self.memtables().filter(|memtable| memtable.max_lsn() > at) {
            let cursor = MemtableCursor::new(Arc::clone(memtable), range.clone(), Direction::Forward);
            if has_entry_above(cursor, at)? {
                return Ok(true);
            }
        }
        for (_, sst) in self.levels.ssts().filter(|(_, sst)| sst.meta().largest_seqno > at) {
            if range.meets(&sst.meta().smallest, &sst.meta().largest)
                && has_entry_above(sst.cursor(range, Direction::Forward)?, at)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether one of the entries that a cursor has left is above `at`.
fn has_entry_above(mut cursor: impl Cursor, at: SeqNo) -> Result<bool> {
    while let Some(entry) = cursor.entry() {
        if entry.seqno > at {
            return Ok(true);
        }
        cursor.advance()?;
    }
    Ok(false)
}
