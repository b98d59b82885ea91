//! A merge of a pinned snapshot with the writes of a transaction.
//!
//! ```text
//!   base      b  d     f        the write wins over the snapshot's version, and a delete hides it
//!   writes       d' e     -g
//!   merged    b  d' e  f        from either end, until both meet
//! ```
//!
//! 1. The next keys of both sides are compared before one is returned, so each end may hold one
//!    entry of the base that it has not returned. An end that finds no more in the base takes the
//!    other end's entry.
//! 2. The part of the range that a step passed, returned or hidden, is in the read set before the
//!    step returns: from the range's start to the front, and from the back to the range's end.

use std::cmp::Ordering;

use super::base_scan::BaseScan;
use super::read_tracker::ReadTracker;
use super::reader::EntryReader;
use super::write_buffer::{Write, WriteBuffer};
use crate::backend::{Follow, RemoteSession};
use crate::base::{KeyHash, KeyRange, Kind, number_in};
use crate::cursor::Direction;
use crate::engine::StoredValue;
use crate::error::Result;
use crate::sync::Arc;

pub(crate) struct MergedScan {
    base: BaseScan,
    /// Whether the base has no more entries for either end.
    exhausted: bool,
    writes: Arc<WriteBuffer>,
    /// The range between both ends.
    rest: KeyRange,
    front: Lookahead,
    back: Lookahead,
    /// The source of the last entry, and its value if it is a sum.
    origin: EntryOrigin,
    sum: [u8; 8],
    tracker: RangeTracker,
}

/// The entry of the base that an end has read last.
#[derive(Default)]
struct Lookahead {
    /// Whether the entry is still to be returned.
    ahead: bool,
    key: Vec<u8>,
    /// Kind and bytes of the entry. A value in the value log is read only when it is asked for.
    kind: Option<Kind>,
    stored: Vec<u8>,
}

/// The source of an entry.
#[derive(Clone, Copy)]
enum EntryOrigin {
    Written,
    Base,
    /// An add over the base's value.
    Summed,
}

/// Adds what was scanned to the read set.
struct RangeTracker {
    reads: Arc<ReadTracker>,
    range: KeyRange,
    /// The slots of both ends in the read set.
    front: Option<usize>,
    back: Option<usize>,
}

impl MergedScan {
    /// Merges `writes`, which are sorted, into `base`, a scan of `range` that has not begun.
    pub(super) fn new(
        base: BaseScan,
        range: KeyRange,
        writes: Arc<WriteBuffer>,
        reads: Arc<ReadTracker>,
    ) -> Self {
        let tracker = RangeTracker { reads, range: range.clone(), front: None, back: None };
        let (front, back) = (Lookahead::default(), Lookahead::default());
        let (origin, sum) = (EntryOrigin::Base, [0; 8]);
        Self { base, exhausted: false, writes, rest: range, front, back, origin, sum, tracker }
    }

    pub(super) fn reader(&self) -> EntryReader<'_> {
        self.base.reader(&self.writes, &self.tracker.reads)
    }

    pub(super) fn set_follow(&mut self, follow: Follow) {
        self.base.set_follow(follow);
    }

    pub(super) fn session(&self) -> Option<&Arc<RemoteSession>> {
        self.base.session()
    }

    pub(super) fn rest(&self) -> &KeyRange {
        &self.rest
    }

    pub(super) fn set_range(&mut self, range: KeyRange) {
        self.base.set_range(range.clone());
        self.tracker.range = range.clone();
        self.rest = range;
    }

    /// Steps to the next entry from the end at which a scan in `direction` begins; returns whether
    /// there is one.
    pub(super) fn next(&mut self, direction: Direction) -> Result<bool> {
        let origin = self.step(direction)?;
        self.tracker.track(direction, &self.rest, origin.is_none());
        self.origin = origin.unwrap_or(self.origin);
        Ok(origin.is_some())
    }

    /// Key and value of the entry that the last step in `direction` has reached.
    pub(super) fn entry(&self, direction: Direction) -> Option<(&[u8], StoredValue<'_>)> {
        let lookahead = match direction {
            Direction::Forward => &self.front,
            Direction::Backward => &self.back,
        };
        let (key, value) = match self.origin {
            EntryOrigin::Base => {
                let kind = lookahead.kind.unwrap_or(Kind::Put);
                (&*lookahead.key, self.base.value(&lookahead.key, (kind, &lookahead.stored)))
            }
            origin => {
                // The rest begins right after the front's key, and ends with the back's.
                let key = match (direction, &self.rest.end) {
                    (Direction::Backward, Some(end)) => end,
                    _ => &self.rest.start[..self.rest.start.len() - 1],
                };
                let value = match (origin, self.writes.get(key, KeyHash::of(key))) {
                    (EntryOrigin::Summed, _) => &self.sum,
                    (_, Some(Write::Put(value))) => value,
                    _ => return None,
                };
                (key, StoredValue::Here(value))
            }
        };
        Some((key, value))
    }

    /// Steps to the next live entry.
    fn step(&mut self, direction: Direction) -> Result<Option<EntryOrigin>> {
        loop {
            self.look_ahead(direction)?;
            let mut writes = self.writes.within(&self.rest);
            let (written, lookahead) = match direction {
                Direction::Forward => (writes.next(), &mut self.front),
                Direction::Backward => (writes.next_back(), &mut self.back),
            };
            let base = lookahead.ahead.then_some(&*lookahead.key);
            let Some(order) = order(written.map(|(key, _)| key), base, direction) else { return Ok(None) };
            let (key, step) = match written {
                Some((key, Write::Put(_))) if order.is_le() => (key, Some(EntryOrigin::Written)),
                Some((key, Write::Delete)) if order.is_le() => (key, None),
                Some((key, Write::Add(delta))) if order.is_le() => {
                    let base = if order.is_eq() { lookahead.number(&self.base)? } else { 0 };
                    self.sum = base.wrapping_add(delta).to_le_bytes();
                    (key, Some(EntryOrigin::Summed))
                }
                _ => (&*lookahead.key, Some(EntryOrigin::Base)),
            };
            match direction {
                Direction::Forward => {
                    key.clone_into(&mut self.rest.start);
                    self.rest.start.push(0);
                }
                Direction::Backward => key.clone_into(self.rest.end.get_or_insert_default()),
            }
            if order.is_ge() {
                lookahead.ahead = false;
            }
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// Reads the next entry of the base for an end that holds none; at the base's end takes the
    /// other end's.
    fn look_ahead(&mut self, direction: Direction) -> Result<()> {
        let lookahead = match direction {
            Direction::Forward if self.front.ahead => return Ok(()),
            Direction::Backward if self.back.ahead => return Ok(()),
            _ if self.exhausted => {
                std::mem::swap(&mut self.front, &mut self.back);
                return Ok(());
            }
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        };
        if let Some(kind) = self.base.step(direction, &mut lookahead.key, &mut lookahead.stored)? {
            lookahead.kind = Some(kind);
            lookahead.ahead = true;
            return Ok(());
        }
        self.exhausted = true;
        std::mem::swap(&mut self.front, &mut self.back);
        Ok(())
    }
}

impl Lookahead {
    /// The number below an add.
    fn number(&self, scan: &BaseScan) -> Result<i64> {
        match self.kind {
            Some(kind @ (Kind::Put | Kind::Add)) => {
                let value = scan.value(&self.key, (kind, &self.stored)).load()?;
                Ok(number_in(&value).unwrap_or(0))
            }
            _ => Ok(0),
        }
    }
}

impl RangeTracker {
    /// Tracks what one end has passed; the whole range once the scan has ended.
    fn track(&mut self, direction: Direction, rest: &KeyRange, ended: bool) {
        let (start, end) = (&*self.range.start, self.range.end.as_deref());
        match (direction, &rest.end) {
            (Direction::Forward, _) if ended => self.reads.track_range(&mut self.front, start, end),
            (Direction::Forward, _) => self.reads.track_range(&mut self.front, start, Some(&rest.start)),
            (Direction::Backward, Some(passed)) if !ended => {
                self.reads.track_range(&mut self.back, passed, end);
            }
            (Direction::Backward, _) => self.reads.track_range(&mut self.back, start, end),
        }
    }
}

/// Whether the written key comes before the base's in the direction of the scan; `None` if there is
/// neither.
fn order(written: Option<&[u8]>, base: Option<&[u8]>, direction: Direction) -> Option<Ordering> {
    match (written, base, direction) {
        (None, None, _) => None,
        (Some(_), None, _) => Some(Ordering::Less),
        (None, Some(_), _) => Some(Ordering::Greater),
        (Some(written), Some(base), Direction::Forward) => Some(written.cmp(base)),
        (Some(written), Some(base), Direction::Backward) => Some(base.cmp(written)),
    }
}
