//! Range reads: the live entries of a range at one sequence number, from both ends.

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{CoveredSpan, Entry, KeyRange, Kind, RangeTombstones, SeqNo, after};
use crate::cursor::{
    ConcatCursor, Coverage, DeadKeys, Direction, EntryCursor, MergeCursor, Seen, VisibleCursor,
};
use crate::engine::follow::Moment;
use crate::engine::read::PointReader;
use crate::engine::read::levels::RunPieces;
use crate::engine::read::values::StoredValue;
use crate::engine::read::view::View;
use crate::engine::{Core, Engine};
use crate::error::{Error, Result};
use crate::memtable::MemtableCursor;
use crate::mvcc::Pin;
use crate::sync::Arc;

/// A cursor of one of the containers that the engine reads.
#[expect(clippy::large_enum_variant, reason = "a scan has few of them, and moves them only when it is made")]
enum ScanSource {
    Memtable(MemtableCursor),
    Run(ConcatCursor<RunPieces>),
}

impl EntryCursor for ScanSource {
    #[inline]
    fn entry(&self) -> Option<Entry<'_>> {
        match self {
            Self::Memtable(cursor) => cursor.entry(),
            Self::Run(cursor) => cursor.entry(),
        }
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        match self {
            Self::Memtable(cursor) => cursor.advance(),
            Self::Run(cursor) => cursor.advance(),
        }
    }

    fn pass_older(&mut self, stretch: &CoveredSpan, than: SeqNo) -> Result<bool> {
        match self {
            Self::Memtable(cursor) => cursor.pass_older(stretch, than),
            Self::Run(cursor) => cursor.pass_older(stretch, than),
        }
    }

    fn live_at_hand(&self, at: SeqNo) -> usize {
        match self {
            Self::Memtable(_) => 0,
            Self::Run(cursor) => cursor.live_at_hand(at),
        }
    }

    fn pass_live(&mut self, at: SeqNo, bound: Option<&[u8]>) -> usize {
        match self {
            Self::Memtable(_) => 0,
            Self::Run(cursor) => cursor.pass_live(at, bound),
        }
    }

    #[inline]
    fn ends_key(&self) -> bool {
        match self {
            Self::Memtable(cursor) => cursor.ends_key(),
            Self::Run(cursor) => cursor.ends_key(),
        }
    }
}

/// A walk in one direction.
#[expect(
    clippy::large_enum_variant,
    reason = "a scan has two of them at most, and moves them only when they are made"
)]
enum ScanWalk {
    /// All that the range has lies in one run, as it does in settled data: there is nothing to
    /// merge.
    Run(Box<VisibleCursor<ConcatCursor<RunPieces>>>),
    Merged(VisibleCursor<MergeCursor<ScanSource>>),
}

impl ScanWalk {
    /// The first step, of a walk that begins at this bound of its range.
    fn first_step(&mut self, bound: Option<Vec<u8>>) -> Result<bool> {
        match self {
            Self::Run(walk) => walk.first_step(bound),
            Self::Merged(walk) => walk.first_step(bound),
        }
    }

    /// Goes on to the next live entry; `false` at the end.
    #[inline]
    fn step(&mut self) -> Result<bool> {
        match self {
            Self::Run(walk) => walk.step(),
            Self::Merged(walk) => walk.step(),
        }
    }

    /// The same where that takes no more than a look; `false` says nothing.
    #[inline(always)]
    fn step_near(&mut self) -> bool {
        match self {
            Self::Run(walk) => walk.step_near(),
            Self::Merged(_) => false,
        }
    }

    /// Steps over entries without a look at each; how many they are.
    fn pass_live(&mut self) -> usize {
        match self {
            Self::Run(walk) => walk.pass_live(),
            Self::Merged(walk) => walk.pass_live(),
        }
    }

    /// The entry that the last step has come to; nothing at the end.
    #[inline(always)]
    fn seen(&self) -> Option<Seen<'_>> {
        match self {
            Self::Run(walk) => walk.seen(),
            Self::Merged(walk) => walk.seen(),
        }
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        self.seen().map(|(key, ..)| key)
    }
}

/// A walk over a range from its front, its back, or both until they meet. It keeps what it sees
/// alive.
///
/// What neither end has given is told by the entries on which the two stand: while one end is used
/// alone, a step compares nothing with the range and copies nothing out of a block but the entry's
/// key.
///
/// Cursors are opened when an end is first asked for: finding it costs one block read for each run
/// of level 0 and each deeper level that the range touches, a step then one for every block that is
/// entered.
pub(crate) struct EngineScan {
    owner: ScanOwner,
    view: Arc<View>,
    at: SeqNo,
    /// When it lets go of what it holds, where pins have a limit of age.
    deadline: Option<Duration>,
    /// What was to be walked over at the beginning.
    range: KeyRange,
    front: Option<ScanWalk>,
    back: Option<ScanWalk>,
}

/// What a scan reads for: a running engine, or one moment of a database that is only read.
#[derive(Clone)]
enum ScanOwner {
    Core(Arc<Core>),
    Moment(Arc<Moment>),
}

impl ScanOwner {
    fn core(&self) -> Option<&Arc<Core>> {
        match self {
            Self::Core(core) => Some(core),
            Self::Moment(_) => None,
        }
    }
}

/// An entry that a scan has come to, and a reader of the state that it belongs to.
pub(crate) struct FoundEntry<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: StoredValue<'s>,
    pub(crate) reader: PointReader<'s>,
}

impl Engine {
    /// The live entries of `range` as they are visible now; the scan goes on seeing them so.
    pub(crate) fn scan(&self, range: KeyRange) -> Result<EngineScan> {
        self.health.ensure_open()?;
        let view = self.versions.view_full();
        let at = self.visible();
        Ok(EngineScan::new(&self.core, view, at, range))
    }
}

impl Core {
    /// The live entries of `range` at a pinned sequence number; the scan goes on seeing them so
    /// when the pin is gone. [`Error::SnapshotTooOld`] when it holds no more.
    pub(crate) fn scan_at(self: &Arc<Self>, range: KeyRange, pin: &Pin) -> Result<EngineScan> {
        self.health.ensure_open()?;
        let view = self.versions.view_full();
        pin.ensure_held()?;
        Ok(EngineScan::new(self, view, pin.at(), range))
    }
}

impl Moment {
    /// The live entries of `range`.
    pub(crate) fn scan(self: &Arc<Self>, range: KeyRange) -> EngineScan {
        EngineScan::of_moment(self, range)
    }
}

impl Drop for EngineScan {
    fn drop(&mut self) {
        if let ScanOwner::Core(core) = &self.owner {
            core.versions.held.end_iterator();
        }
    }
}

impl EngineScan {
    pub(in crate::engine) fn new(core: &Arc<Core>, view: Arc<View>, at: SeqNo, range: KeyRange) -> Self {
        core.versions.held.begin_iterator();
        let limit = core.config.snapshot_age_limit;
        let deadline = limit.map(|limit| core.env.monotonic_clock().saturating_add(limit));
        let owner = ScanOwner::Core(Arc::clone(core));
        Self { owner, view, at, deadline, range, front: None, back: None }
    }

    /// A scan of the live entries of `range` at a moment of a database that is only read.
    pub(in crate::engine) fn of_moment(moment: &Arc<Moment>, range: KeyRange) -> Self {
        let (view, at, owner) = (moment.view(), moment.at(), ScanOwner::Moment(Arc::clone(moment)));
        Self { owner, view, at, deadline: None, range, front: None, back: None }
    }

    /// [`Error::SnapshotTooOld`] when it is older than a pin may be; what it held is let go then.
    fn ensure_young(&mut self) -> Result<()> {
        let (Some(deadline), ScanOwner::Core(core)) = (self.deadline, &self.owner) else { return Ok(()) };
        if core.env.monotonic_clock() <= deadline {
            return Ok(());
        }
        (self.front, self.back) = (None, None);
        self.view = core.versions.view_full();
        Err(Error::SnapshotTooOld)
    }

    /// Reads single keys of the state that the scan sees.
    pub(crate) fn reader(&self) -> PointReader<'_> {
        PointReader::new(&self.view, self.at)
    }

    pub(crate) fn another(&self, range: KeyRange) -> Self {
        match &self.owner {
            ScanOwner::Core(core) => {
                let mut another = Self::new(core, Arc::clone(&self.view), self.at, range);
                another.deadline = self.deadline;
                another
            }
            ScanOwner::Moment(moment) => Self::of_moment(moment, range),
        }
    }

    /// The value of an entry that this scan has given: see [`StoredValue::stored`].
    pub(crate) fn value<'s>(&'s self, key: &'s [u8], (kind, stored): (Kind, &'s [u8])) -> StoredValue<'s> {
        StoredValue::new(key, kind, stored, &self.view, self.at)
    }

    /// What neither end has given yet; nothing once an end has found no more.
    pub(crate) fn rest(&self) -> KeyRange {
        let start = match &self.front {
            None => Some(self.range.start.clone()),
            Some(front) => front.key().map(after),
        };
        let end = match &self.back {
            None => Some(self.range.end.clone()),
            Some(back) => back.key().map(|key| Some(key.to_vec())),
        };
        match (start, end) {
            (Some(start), Some(end)) => KeyRange { start, end },
            _ => KeyRange { start: Vec::new(), end: Some(Vec::new()) },
        }
    }

    /// Whether an end that was opened has but one run to go through, and goes through it without a
    /// merge.
    #[cfg(test)]
    pub(in crate::engine) fn walks_over_one_run(&self) -> bool {
        self.front.iter().chain(&self.back).any(|walk| matches!(walk, ScanWalk::Run(_)))
    }

    /// Changes what is to be walked; only before the first step.
    pub(crate) fn set_range(&mut self, range: KeyRange) {
        self.range = range;
    }

    /// Continues in another range of the same state. Cost: a seek at the next step.
    pub(crate) fn seek(&mut self, range: KeyRange) {
        (self.front, self.back) = (None, None);
        self.range = range;
    }

    pub(crate) fn next(&mut self) -> Result<Option<FoundEntry<'_>>> {
        Ok(if self.step(Direction::Forward)? { self.found(Direction::Forward) } else { None })
    }

    pub(crate) fn next_back(&mut self) -> Result<Option<FoundEntry<'_>>> {
        Ok(if self.step(Direction::Backward)? { self.found(Direction::Backward) } else { None })
    }

    /// Moves to the next entry in a direction; returns whether there is one.
    #[inline(always)]
    pub(crate) fn step(&mut self, direction: Direction) -> Result<bool> {
        Ok(self.step_near(direction) || self.step_far(direction)?)
    }

    /// The entry that the last step in a direction has come to. It is not returned by the step: a
    /// caller that needs the key alone makes nothing of the value, and waits for no copy.
    #[inline(always)]
    pub(crate) fn found(&self, direction: Direction) -> Option<FoundEntry<'_>> {
        let walk = match direction {
            Direction::Forward => &self.front,
            Direction::Backward => &self.back,
        };
        let (key, kind, stored) = walk.as_ref()?.seen()?;
        let value = StoredValue::new(key, kind, stored, &self.view, self.at);
        Some(FoundEntry { key, value, reader: PointReader::new(&self.view, self.at) })
    }

    /// Moves to the next entry where that takes no more than a look; `false` says nothing.
    #[inline(never)]
    fn step_near(&mut self, direction: Direction) -> bool {
        let (here, there) = match direction {
            Direction::Forward => (&mut self.front, &self.back),
            Direction::Backward => (&mut self.back, &self.front),
        };
        there.is_none() && here.as_mut().is_some_and(ScanWalk::step_near)
    }

    /// Moves to the next entry; returns whether there is one.
    #[inline(never)]
    fn step_far(&mut self, direction: Direction) -> Result<bool> {
        match direction {
            Direction::Forward => self.step_front(),
            Direction::Backward => self.step_back(),
        }
    }

    /// Steps over entries from the front, or from the back, that need no look at each, if only that
    /// end is used; how many they are. None of them can be read.
    pub(crate) fn pass_live(&mut self, direction: Direction) -> usize {
        let (here, there) = match direction {
            Direction::Forward => (&mut self.front, &self.back),
            Direction::Backward => (&mut self.back, &self.front),
        };
        match here {
            Some(walk) if there.is_none() => walk.pass_live(),
            _ => 0,
        }
    }

    /// Moves to the next entry from the front; returns whether there is one.
    fn step_front(&mut self) -> Result<bool> {
        self.ensure_young()?;
        let found = match &mut self.front {
            Some(front) => front.step()?,
            None => self.open_front()?,
        };
        let Some(front) = self.front.as_ref().filter(|_| found) else { return Ok(false) };
        // An end that has met the other, or has found no more, leaves nothing.
        Ok(self.back.as_ref().is_none_or(|back| back.key().is_some_and(|key| front.key() < Some(key))))
    }

    /// Moves to the next entry from the back; returns whether there is one.
    fn step_back(&mut self) -> Result<bool> {
        self.ensure_young()?;
        let found = match &mut self.back {
            Some(back) => back.step()?,
            None => self.open_back()?,
        };
        let Some(back) = self.back.as_ref().filter(|_| found) else { return Ok(false) };
        Ok(self.front.as_ref().is_none_or(|front| front.key().is_some_and(|key| back.key() > Some(key))))
    }

    /// Opens the front behind the dead range with which what is left begins, and makes its first
    /// step.
    fn open_front(&mut self) -> Result<bool> {
        let core = self.owner.core();
        let range = core.map_or_else(|| self.rest(), |core| core.dead.without_front(self.rest(), self.at));
        let mut walk = self.view.walk(core, &range, Direction::Forward, self.at)?;
        let found = walk.first_step(Some(range.start))?;
        self.front = Some(walk);
        Ok(found)
    }

    /// Opens the back before the dead range with which what is left ends, and makes its first step.
    fn open_back(&mut self) -> Result<bool> {
        let core = self.owner.core();
        let range = core.map_or_else(|| self.rest(), |core| core.dead.without_back(self.rest(), self.at));
        let mut walk = self.view.walk(core, &range, Direction::Backward, self.at)?;
        let found = walk.first_step(range.end)?;
        self.back = Some(walk);
        Ok(found)
    }
}

impl View {
    /// A walk over a range. What has no entry there takes no part in it. The dead ranges of `core`,
    /// if there is one, are sought past.
    fn walk(
        &self,
        core: Option<&Arc<Core>>,
        range: &KeyRange,
        direction: Direction,
        at: SeqNo,
    ) -> Result<ScanWalk> {
        let mut memtables = Vec::new();
        for memtable in self.memtables() {
            let cursor = MemtableCursor::at(Arc::clone(memtable), range, direction, at);
            if cursor.entry().is_some() {
                memtables.push(ScanSource::Memtable(cursor));
            }
        }
        let mut runs = SmallVec::<[ConcatCursor<RunPieces>; 1]>::new();
        for run in self.levels.runs() {
            let places = run.meeting(range);
            if !places.is_empty() {
                let run = ConcatCursor::new(run.pieces(range, direction), places, direction)?;
                if run.entry().is_some() {
                    runs.push(run);
                }
            }
        }
        let coverage = Coverage::new(at, self.range_tombstones(range)?);
        let dead = core.map(|core| Arc::clone(core) as Arc<dyn DeadKeys>);
        if memtables.is_empty() && runs.len() == 1 {
            let run = VisibleCursor::new(runs.remove(0), direction, at, coverage);
            return Ok(ScanWalk::Run(Box::new(match dead {
                Some(dead) => run.with_dead_keys(dead),
                None => run,
            })));
        }
        let sources = memtables.into_iter().chain(runs.into_iter().map(ScanSource::Run)).collect();
        let merge = VisibleCursor::new(MergeCursor::new(sources, direction), direction, at, coverage);
        Ok(ScanWalk::Merged(match dead {
            Some(dead) => merge.with_dead_keys(dead),
            None => merge,
        }))
    }

    fn range_tombstones(&self, range: &KeyRange) -> Result<Vec<Arc<dyn RangeTombstones>>> {
        let memtables = self.memtables().filter(|memtable| memtable.has_range_tombstones());
        let mut lists: Vec<Arc<dyn RangeTombstones>> =
            memtables.map(|memtable| Arc::clone(memtable) as _).collect();
        for (_, sst) in self.levels.ssts() {
            if range.overlaps(&sst.meta().smallest, &sst.meta().end)
                && let Some(fragments) = sst.range_tombstones()?
            {
                lists.push(fragments);
            }
        }
        Ok(lists)
    }

    /// Whether an entry of `range`, or a range tombstone over some of it, is above `at`, looked for
    /// only where such entries can be.
    ///
    /// Cost: a look at what came since if that is little, else a walk over the range in the
    /// memtables, and in the SSTs, that were written to since.
    pub(in crate::engine) fn is_changed_within(&self, range: &KeyRange, at: SeqNo) -> Result<bool> {
        for memtable in self.memtables().filter(|memtable| memtable.max_lsn() > at) {
            if memtable.newest_range_tombstone(range, at).is_some() {
                return Ok(true);
            }
            let changed = if let Some(changed) = memtable.is_changed_within(range, at, 0) {
                changed
            } else {
                let cursor = MemtableCursor::at(Arc::clone(memtable), range, Direction::Forward, SeqNo::MAX);
                has_entry_above(cursor, at)?
            };
            if changed {
                return Ok(true);
            }
        }
        for (_, sst) in self.levels.ssts().filter(|(_, sst)| sst.meta().largest_seqno > at) {
            if !range.overlaps(&sst.meta().smallest, &sst.meta().end) {
                continue;
            }
            let ranges = sst.range_tombstones()?.and_then(|ranges| ranges.newest_within(range));
            if ranges > Some(at) || has_entry_above(sst.cursor(range, Direction::Forward)?, at)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether one of the entries that a cursor has left is above `at`.
fn has_entry_above(mut cursor: impl EntryCursor, at: SeqNo) -> Result<bool> {
    while let Some(entry) = cursor.entry() {
        if entry.seqno > at {
            return Ok(true);
        }
        cursor.advance()?;
    }
    Ok(false)
}
