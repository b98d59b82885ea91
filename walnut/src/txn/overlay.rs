//! A scan of a pinned state with writes laid over it.
//!
//! ```text
//!   below    b  d     f        of a key that is in both the write wins, and a removal hides it
//!   writes      d' e     -g
//!   given    b  d' e  f        from either end, until they meet
//! ```
//!
//! 1. The next key of each side is compared before one is given, so each end may have taken one
//!    entry from below that it has not given yet. When one end finds nothing more below, it asks
//!    the other for that entry.
//! 2. What was passed over, given or hidden, is noted before the step returns: from the start of
//!    the range to where the front has come, and from where the back has come to the end of the
//!    range.

use std::cmp::Ordering;

use super::below::Below;
use super::notes::Notes;
use super::reader::EntryReader;
use super::writes::{Write, Writes};
use crate::backend::{Follow, RemoteSession};
use crate::base::{KeyHash, KeyRange, Kind, number_in};
use crate::cursor::Direction;
use crate::engine::StoredValue;
use crate::error::Result;
use crate::sync::Arc;

/// A walk over the entries of an attempt, as they were when it was made.
pub(crate) struct Overlay {
    below: Below,
    /// Whether there is nothing more below for either end.
    exhausted: bool,
    writes: Arc<Writes>,
    /// What neither end has given or passed over yet.
    rest: KeyRange,
    front: Side,
    back: Side,
    /// The value of the entry that was given last, where it is a sum.
    sum: [u8; 8],
    record: Record,
}

/// An end of the walk over what lies below: the entry that it has taken last.
#[derive(Default)]
struct Side {
    /// Whether the entry was not given yet.
    ahead: bool,
    key: Vec<u8>,
    /// The kind and the bytes of the entry: a value in the value log is read only when it is asked
    /// for.
    kind: Option<Kind>,
    stored: Vec<u8>,
}

/// Where the entry stands that a step has come to.
pub(super) enum Step {
    Written,
    Below,
    /// Written as an add: it is the sum of that and what lies below.
    Summed,
}

/// Notes what was walked over.
struct Record {
    notes: Arc<Notes>,
    range: KeyRange,
    /// The places of what was walked over from either end.
    front: Option<usize>,
    back: Option<usize>,
}

impl Overlay {
    /// Lays `writes`, which are in order, over `below`, a scan of `range` that was not begun.
    pub(super) fn new(below: Below, range: KeyRange, writes: Arc<Writes>, notes: Arc<Notes>) -> Self {
        let record = Record { notes, range: range.clone(), front: None, back: None };
        let (front, back) = (Side::default(), Side::default());
        Self { below, exhausted: false, writes, rest: range, front, back, sum: [0; 8], record }
    }

    pub(super) fn reader(&self) -> EntryReader<'_> {
        self.below.reader(&self.writes, &self.record.notes)
    }

    pub(super) fn set_follow(&mut self, follow: Follow) {
        self.below.set_follow(follow);
    }

    pub(super) fn session(&self) -> Option<&Arc<RemoteSession>> {
        self.below.session()
    }

    pub(super) fn rest(&self) -> &KeyRange {
        &self.rest
    }

    pub(super) fn set_range(&mut self, range: KeyRange) {
        self.below.set_range(range.clone());
        self.record.range = range.clone();
        self.rest = range;
    }

    /// Steps to the next entry from the end at which a walk in `direction` begins.
    pub(super) fn next(&mut self, direction: Direction) -> Result<Option<Step>> {
        let step = self.step(direction)?;
        self.record.note(direction, &self.rest, step.is_none());
        Ok(step)
    }

    /// Key and value of the entry to which the last step in `direction` has come.
    pub(super) fn entry(&self, direction: Direction, step: Step) -> Option<(&[u8], StoredValue<'_>)> {
        let side = match direction {
            Direction::Forward => &self.front,
            Direction::Backward => &self.back,
        };
        let (key, value) = match step {
            Step::Below => {
                let kind = side.kind.unwrap_or(Kind::Put);
                (&*side.key, self.below.value(&side.key, (kind, &side.stored)))
            }
            step => {
                // What is left begins right after the key that the front has come to, and ends with
                // the back's.
                let key = match (direction, &self.rest.end) {
                    (Direction::Backward, Some(end)) => end,
                    _ => &self.rest.start[..self.rest.start.len() - 1],
                };
                let value = match (step, self.writes.get(key, KeyHash::of(key))) {
                    (Step::Summed, _) => &self.sum,
                    (_, Some(Write::Put(value))) => value,
                    _ => return None,
                };
                (key, StoredValue::Here(value))
            }
        };
        Some((key, value))
    }

    /// Goes on to the next entry that is there, past removed ones.
    fn step(&mut self, direction: Direction) -> Result<Option<Step>> {
        loop {
            self.look_ahead(direction)?;
            let mut writes = self.writes.within(&self.rest);
            let (written, side) = match direction {
                Direction::Forward => (writes.next(), &mut self.front),
                Direction::Backward => (writes.next_back(), &mut self.back),
            };
            let below = side.ahead.then_some(&*side.key);
            let Some(order) = order(written.map(|(key, _)| key), below, direction) else { return Ok(None) };
            let (key, step) = match written {
                Some((key, Write::Put(_))) if order.is_le() => (key, Some(Step::Written)),
                Some((key, Write::Delete)) if order.is_le() => (key, None),
                Some((key, Write::Add(delta))) if order.is_le() => {
                    let below = if order.is_eq() { side.number(&self.below)? } else { 0 };
                    self.sum = below.wrapping_add(delta).to_le_bytes();
                    (key, Some(Step::Summed))
                }
                _ => (&*side.key, Some(Step::Below)),
            };
            match direction {
                Direction::Forward => {
                    key.clone_into(&mut self.rest.start);
                    self.rest.start.push(0);
                }
                Direction::Backward => key.clone_into(self.rest.end.get_or_insert_default()),
            }
            if order.is_ge() {
                side.ahead = false;
            }
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// Takes the next entry from below for an end that has none: when there is no more, the one
    /// that the other end took.
    fn look_ahead(&mut self, direction: Direction) -> Result<()> {
        let side = match direction {
            Direction::Forward if self.front.ahead => return Ok(()),
            Direction::Backward if self.back.ahead => return Ok(()),
            _ if self.exhausted => {
                std::mem::swap(&mut self.front, &mut self.back);
                return Ok(());
            }
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        };
        if let Some(kind) = self.below.step(direction, &mut side.key, &mut side.stored)? {
            side.kind = Some(kind);
            side.ahead = true;
            return Ok(());
        }
        self.exhausted = true;
        std::mem::swap(&mut self.front, &mut self.back);
        Ok(())
    }
}

impl Side {
    /// What the entry counts below an add.
    fn number(&self, scan: &Below) -> Result<i64> {
        match self.kind {
            Some(kind @ (Kind::Put | Kind::Add)) => {
                let value = scan.value(&self.key, (kind, &self.stored)).load()?;
                Ok(number_in(&value).unwrap_or(0))
            }
            _ => Ok(0),
        }
    }
}

impl Record {
    /// Notes what was walked over from one end, given what is left; all of the range when the walk
    /// is at its end.
    fn note(&mut self, direction: Direction, rest: &KeyRange, ended: bool) {
        let (start, end) = (&*self.range.start, self.range.end.as_deref());
        match (direction, &rest.end) {
            (Direction::Forward, _) if ended => self.notes.range(&mut self.front, start, end),
            (Direction::Forward, _) => self.notes.range(&mut self.front, start, Some(&rest.start)),
            (Direction::Backward, Some(passed)) if !ended => self.notes.range(&mut self.back, passed, end),
            (Direction::Backward, _) => self.notes.range(&mut self.back, start, end),
        }
    }
}

/// Whether what is written comes before what lies below, in the direction of a walk; `None` when
/// there is neither.
fn order(written: Option<&[u8]>, below: Option<&[u8]>, direction: Direction) -> Option<Ordering> {
    match (written, below, direction) {
        (None, None, _) => None,
        (Some(_), None, _) => Some(Ordering::Less),
        (None, Some(_), _) => Some(Ordering::Greater),
        (Some(written), Some(below), Direction::Forward) => Some(written.cmp(below)),
        (Some(written), Some(below), Direction::Backward) => Some(below.cmp(written)),
    }
}
