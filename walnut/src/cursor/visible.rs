//! What a reader sees at a sequence number: of each key the newest version not above it, unless that is a tombstone or a
//! newer range tombstone covers it.
//!
//! Going forward the newest version comes first, so the first one at or below the number decides and the rest of the key
//! is passed over. Going backward the oldest comes first, so the last one at or below the number decides, and its
//! value is kept aside until the key is through.
//!
//! Most keys have one version, and most cursors know it: see [`Cursor::ends_key`]. Of such a key nothing is copied in either
//! direction; it is given where it lies, and the cursor goes on at the next step.
//!
//! A run of dead keys is sought past where it is known, and remembered where it is not: see [`DeadRun`].

use super::dead::{DeadKeys, DeadRun};
use super::{Coverage, Cursor, Direction};
use crate::base::{CoveredSpan, Entry, Kind, SeqNo, after};
use crate::error::Result;
use crate::sync::Arc;

/// A key that has a value, and the kind and the bytes of the entry that gives it: the value itself, or a pointer to it.
pub(crate) type Seen<'s> = (&'s [u8], Kind, &'s [u8]);

/// Behind so many versions of a key the rest of them is sought past.
const MANY_VERSIONS: u32 = 4;

/// The live keys and values under a cursor, at one sequence number.
#[derive(Debug)]
pub(crate) struct VisibleCursor<C> {
    cursor: C,
    direction: Direction,
    at: SeqNo,
    coverage: Coverage,
    decided: Decided,
    /// What remembers dead keys, and those that were passed since the last live one.
    run: Option<DeadRun>,
    /// A key whose versions are passed over; going backward also the kind and the value kept aside.
    key: Vec<u8>,
    kind: Kind,
    value: Vec<u8>,
}

/// Where the version is that decided about the last key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Decided {
    /// There was no key yet, or there is none any more.
    Nowhere,
    /// The cursor stands on it. Going backward it is the only one of its key.
    Here,
    /// It was kept aside, and the cursor has gone on to another key.
    Aside,
}

impl<C: Cursor> VisibleCursor<C> {
    /// What is visible at `at`; the cursor goes in `direction`, under the range tombstones of `coverage`.
    pub(crate) fn new(cursor: C, direction: Direction, at: SeqNo, coverage: Coverage) -> Self {
        let (decided, kind) = (Decided::Nowhere, Kind::Delete);
        Self { cursor, direction, at, coverage, decided, run: None, key: Vec::new(), kind, value: Vec::new() }
    }

    /// The same, and it passes the dead keys that are known, and remembers those that it passes.
    pub(crate) fn remembering(self, known: Arc<dyn DeadKeys>) -> Self {
        Self { run: Some(DeadRun::new(known)), ..self }
    }

    /// The first step of a walk that begins at this bound of its range in its direction.
    pub(crate) fn first_step(&mut self, bound: Option<Vec<u8>>) -> Result<bool> {
        if let Some(run) = &mut self.run {
            run.begin(bound);
        }
        let found = self.step();
        if let Some(run) = &mut self.run {
            run.clear();
        }
        found
    }

    /// Goes on to the next key that has a value; `false` at the end.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<bool> {
        match self.direction {
            Direction::Forward => self.step_forward(),
            Direction::Backward => self.step_backward(),
        }
    }

    /// The same where it takes nothing but a look at what the cursor has at hand; `false` says that [`step`](Self::step) has to
    /// find out.
    #[inline(always)]
    pub(crate) fn step_near(&mut self) -> bool {
        if self.decided != Decided::Here || !self.cursor.step_near() {
            return false;
        }
        // Backward, an older version may be all that the cursor has come to.
        let is_alone = self.direction == Direction::Forward || self.cursor.ends_key();
        let is_seen = match self.cursor.entry() {
            Some(entry) => is_alone && entry.seqno <= self.at && is_live(&entry, &mut self.coverage),
            None => false,
        };
        if !is_seen {
            self.decided = Decided::Nowhere;
        }
        is_seen
    }

    /// Steps over keys that are known to have a value without a look at each, as far as they are at hand; how many they are. The last of
    /// them is seen then.
    pub(crate) fn pass_live(&mut self) -> usize {
        if self.decided != Decided::Here
            || !self.coverage.is_empty()
            || self.cursor.live_at_hand(self.at) == 0
        {
            return 0;
        }
        self.cursor.pass_live(self.at, None)
    }

    /// What the last step has come to; nothing at the end.
    #[inline]
    pub(crate) fn seen(&self) -> Option<Seen<'_>> {
        match self.decided {
            Decided::Nowhere => None,
            Decided::Here => self.cursor.entry().map(|entry| (entry.key, entry.kind, entry.value)),
            Decided::Aside => Some((&self.key, self.kind, &self.value)),
        }
    }

    #[inline]
    fn step_forward(&mut self) -> Result<bool> {
        let mut passes = false;
        loop {
            if self.decided == Decided::Here {
                self.pass_key()?;
                self.decided = Decided::Nowhere;
            }
            if self.coverage.hides_last() && self.pass_hidden()? {
                continue;
            }
            let Some(entry) = self.cursor.entry() else { return Ok(self.end_run(passes, false)) };
            if entry.seqno > self.at {
                self.advance()?;
                continue;
            }
            self.decided = Decided::Here;
            if is_live(&entry, &mut self.coverage) {
                return Ok(self.end_run(passes, true));
            }
            passes = true;
            if self.pass_dead()? {
                self.decided = Decided::Nowhere;
            }
        }
    }

    #[inline]
    fn step_backward(&mut self) -> Result<bool> {
        let mut passes = false;
        loop {
            if self.decided == Decided::Here {
                self.advance()?;
            }
            self.decided = Decided::Nowhere;
            if self.coverage.hides_last() && self.pass_hidden()? {
                continue;
            }
            let Some(entry) = self.cursor.entry() else { return Ok(self.end_run(passes, false)) };
            if self.cursor.ends_key() {
                self.decided = Decided::Here;
                if entry.seqno <= self.at && is_live(&entry, &mut self.coverage) {
                    return Ok(self.end_run(passes, true));
                }
                if self.pass_dead()? {
                    self.decided = Decided::Nowhere;
                }
            } else if self.decide_aside()? {
                return Ok(self.end_run(passes, true));
            } else {
                self.pass_dead_aside()?;
            }
            passes = true;
        }
    }

    /// The dead key on which the cursor stands belongs to a run. Whether the cursor has moved past what is known to be dead there.
    #[cold]
    fn pass_dead(&mut self) -> Result<bool> {
        let (Some(run), Some(entry)) = (&mut self.run, self.cursor.entry()) else { return Ok(false) };
        run.pass(entry.key, self.direction);
        self.pass_known()
    }

    /// The same, of the dead key that the cursor has left behind.
    #[cold]
    fn pass_dead_aside(&mut self) -> Result<bool> {
        let Some(run) = &mut self.run else { return Ok(false) };
        run.pass(&self.key, self.direction);
        self.pass_known()
    }

    /// Seeks past the dead range in which the cursor stands, if it is known. Whether it has moved.
    fn pass_known(&mut self) -> Result<bool> {
        let (Some(run), Some(entry)) = (&mut self.run, self.cursor.entry()) else { return Ok(false) };
        let Some(dead) = run.known(entry.key, self.direction, self.at) else { return Ok(false) };
        #[cfg(test)]
        steps::note();
        self.cursor.pass_older(&dead, SeqNo::MAX)
    }

    /// What a step has found, behind a run of dead keys if it has passed any.
    #[inline(always)]
    fn end_run(&mut self, passes: bool, found: bool) -> bool {
        if passes && let Some(run) = &mut self.run {
            run.end(self.direction, self.at);
        }
        found
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<()> {
        #[cfg(test)]
        steps::note();
        self.cursor.advance()
    }

    /// Seeks past the range tombstone that hides what the cursor stands on: past all entries under it that are older. Whether it has moved.
    ///
    /// It is worth it behind an entry that was hidden, as a range that was removed had more than one entry as a rule.
    #[cold]
    fn pass_hidden(&mut self) -> Result<bool> {
        let Some(entry) = self.cursor.entry() else { return Ok(false) };
        let Some((stretch, newest)) = self.coverage.hiding(entry.key, entry.seqno) else { return Ok(false) };
        #[cfg(test)]
        steps::note();
        self.cursor.pass_older(stretch, newest)
    }

    /// Moves past all versions of the key that the cursor stands on.
    #[inline]
    fn pass_key(&mut self) -> Result<()> {
        if self.cursor.ends_key() { self.advance() } else { self.pass_versions() }
    }

    fn pass_versions(&mut self) -> Result<()> {
        let Some(entry) = self.cursor.entry() else { return Ok(()) };
        entry.key.clone_into(&mut self.key);
        let mut count = 0;
        while let Some(entry) = self.cursor.entry().filter(|entry| entry.key == self.key) {
            count += 1;
            // What follows of the key is older.
            let newest = entry.seqno.plus(1);
            if count != MANY_VERSIONS || !self.pass_older_versions(newest)? {
                self.advance()?;
            }
        }
        Ok(())
    }

    #[cold]
    fn pass_older_versions(&mut self, than: SeqNo) -> Result<bool> {
        #[cfg(test)]
        steps::note();
        let stretch = CoveredSpan { start: self.key.clone(), end: Some(after(&self.key)), newest: None };
        self.cursor.pass_older(&stretch, than)
    }

    /// Going backward: keeps aside what decides about the key that the cursor stands on, and moves past it. Whether the key has a
    /// value.
    fn decide_aside(&mut self) -> Result<bool> {
        let Some(entry) = self.cursor.entry() else { return Ok(false) };
        entry.key.clone_into(&mut self.key);
        let (mut live, mut count) = (false, 0);
        while let Some(entry) = self.cursor.entry() {
            if entry.key != self.key {
                break;
            }
            if entry.seqno <= self.at {
                live = is_live(&entry, &mut self.coverage);
                if live {
                    self.kind = entry.kind;
                    entry.value.clone_into(&mut self.value);
                }
            }
            count += 1;
            // All that is hidden with it is passed, be it of this key or of others.
            if live || count < 2 || !self.coverage.hides_last() || !self.pass_hidden()? {
                self.advance()?;
            }
        }
        if live {
            self.decided = Decided::Aside;
        }
        Ok(live)
    }
}

/// Whether the version that decides about its key gives it a value.
#[inline(always)]
fn is_live(entry: &Entry<'_>, coverage: &mut Coverage) -> bool {
    entry.kind.is_value() && !coverage.hides(entry.key, entry.seqno)
}

/// How many entries were stepped over, and how often it was sought, by the tests of this thread.
#[cfg(test)]
pub(crate) mod steps {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note() {
        STEPS.set(STEPS.get() + 1);
    }

    /// How many there are while this is called.
    pub(crate) fn of<R>(call: impl FnOnce() -> R) -> (R, usize) {
        let before = STEPS.get();
        let result = call();
        (result, STEPS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::tests::{Listed, Owned};
    use super::*;
    use crate::base::Fragments;
    use crate::sync::Arc;

    proptest! {
        #[test]
        fn both_directions_see_the_state_at_the_sequence_number(
            history in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), prop::option::of(any::<u8>())), 0..40),
            ranges in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), 0u64..40), 0..4),
            at in 0u64..80,
            tells: bool,
            looks_near: bool,
            seeks: bool,
        ) {
            // A range goes from its start up to the keys that begin with another byte; it comes right after what has its number.
            let ranges: Vec<_> = ranges.into_iter().map(|(start, seqno)| (start, vec![1, 1], 2 * seqno + 1)).collect();
            let mut state = BTreeMap::new();
            let mut entries: Vec<Owned> = Vec::new();
            for (seqno, (key, value)) in history.into_iter().enumerate() {
                let value = value.map(|byte| vec![byte]);
                let seqno = 2 * seqno as u64;
                if seqno <= at {
                    let is_under = |(start, end, range): &(Vec<u8>, Vec<u8>, u64)| {
                        *start <= key && key < *end && *range > seqno && *range <= at
                    };
                    state.insert(key.clone(), value.clone().filter(|_| !ranges.iter().any(is_under)));
                }
                entries.push((key, seqno, value));
            }
            let mut expected: Vec<_> = state.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let lists = ranges.iter().map(|(start, end, seqno)| Fragments::one(start, end, SeqNo(*seqno)));
                let coverage = Coverage::new(SeqNo(at), lists.map(|list| Arc::new(list) as _));
                let cursor = Listed::new(entries.clone(), direction);
                let cursor = if tells { cursor.telling() } else { cursor };
                let cursor = if seeks { cursor.seeking() } else { cursor };
                let mut visible = VisibleCursor::new(cursor, direction, SeqNo(at), coverage);
                let mut seen = Vec::new();
                while looks_near && visible.step_near() || visible.step().expect("no errors here") {
                    let (key, _, value) = visible.seen().expect("a step has come to it");
                    seen.push((key.to_vec(), value.to_vec()));
                }
                prop_assert_eq!(visible.seen(), None);
                prop_assert_eq!(&seen, &expected);
                expected.reverse();
            }
        }
    }
}
