//! The snapshot view of a cursor: for each key the newest version at or below a sequence number,
//! unless that version is a tombstone or is covered by a newer range tombstone.
//!
//! Forward, the newest version comes first, so the first visible one decides and the rest of the
//! key is skipped. Backward, the oldest comes first, so the last visible one decides, and its value
//! is saved until the next key is reached (as in LevelDB's `DBIter`).
//!
//! Most keys have one version, and most cursors know it: see [`EntryCursor::ends_key`]. Such a key
//! is not copied in either direction; it is borrowed from the cursor, which moves on at the next
//! step.
//!
//! A known run of dead keys is sought past, a new one is recorded: see [`DeadRun`].

use super::dead::{DeadKeys, DeadRun};
use super::{Coverage, Direction, EntryCursor};
use crate::base::{CoveredSpan, Entry, Kind, SeqNo, after};
use crate::error::Result;
use crate::sync::Arc;

/// A live key, the kind of the entry that decides, and its bytes: the value itself, or a pointer to
/// it.
pub(crate) type Seen<'s> = (&'s [u8], Kind, &'s [u8]);

/// After this many versions of a key the cursor seeks past the rest.
const MANY_VERSIONS: u32 = 4;

/// The live keys and values under a cursor, at one sequence number.
#[derive(Debug)]
pub(crate) struct VisibleCursor<C> {
    cursor: C,
    direction: Direction,
    at: SeqNo,
    coverage: Coverage,
    decided: Decided,
    /// The current run of dead keys, and the cache of dead ranges.
    run: Option<DeadRun>,
    /// The key whose versions are skipped; backward, also the kind and the value that are saved.
    saved_key: Vec<u8>,
    saved_kind: Kind,
    saved_value: Vec<u8>,
}

/// Where the version is that decided the last key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Decided {
    /// Before the first step, and at the end.
    Invalid,
    /// The current entry of the cursor. Backward, it is the only version of its key.
    Current,
    /// Saved; the cursor has moved on to another key.
    Saved,
}

impl<C: EntryCursor> VisibleCursor<C> {
    /// The view at `at`. `cursor` goes in `direction`; `coverage` has the range tombstones of the
    /// same inputs.
    pub(crate) fn new(cursor: C, direction: Direction, at: SeqNo, coverage: Coverage) -> Self {
        let (decided, saved_kind) = (Decided::Invalid, Kind::Delete);
        Self {
            cursor,
            direction,
            at,
            coverage,
            decided,
            run: None,
            saved_key: Vec::new(),
            saved_kind,
            saved_value: Vec::new(),
        }
    }

    /// Skips known dead ranges and records new ones.
    pub(crate) fn with_dead_keys(self, known: Arc<dyn DeadKeys>) -> Self {
        Self { run: Some(DeadRun::new(known)), ..self }
    }

    /// The first step of a scan that starts at this bound of its range in its direction.
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

    /// Moves to the next live key; `false` at the end.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<bool> {
        match self.direction {
            Direction::Forward => self.step_forward(),
            Direction::Backward => self.step_backward(),
        }
    }

    /// A step that needs only what the cursor has in memory. When it returns `false`,
    /// [`step`](Self::step) must be called.
    #[inline(always)]
    pub(crate) fn step_near(&mut self) -> bool {
        if self.decided != Decided::Current || !self.cursor.step_near() {
            return false;
        }
        // Backward, this may be only the oldest of several versions.
        let is_alone = self.direction == Direction::Forward || self.cursor.ends_key();
        let is_seen = match self.cursor.entry() {
            Some(entry) => is_alone && entry.seqno <= self.at && is_live(&entry, &mut self.coverage),
            None => false,
        };
        if !is_seen {
            self.decided = Decided::Invalid;
        }
        is_seen
    }

    /// Skips keys that are known to be live without looking at each, and stops on the last of them.
    /// Returns how many were skipped.
    pub(crate) fn pass_live(&mut self) -> usize {
        if self.decided != Decided::Current
            || !self.coverage.is_empty()
            || self.cursor.live_at_hand(self.at) == 0
        {
            return 0;
        }
        self.cursor.pass_live(self.at, None)
    }

    /// The current live key; `None` at the end.
    #[inline(always)]
    pub(crate) fn seen(&self) -> Option<Seen<'_>> {
        match self.decided {
            Decided::Invalid => None,
            Decided::Current => self.cursor.entry().map(|entry| (entry.key, entry.kind, entry.value)),
            Decided::Saved => Some((&self.saved_key, self.saved_kind, &self.saved_value)),
        }
    }

    #[inline]
    fn step_forward(&mut self) -> Result<bool> {
        let mut passed_dead = false;
        loop {
            if self.decided == Decided::Current {
                self.pass_key()?;
                self.decided = Decided::Invalid;
            }
            if self.coverage.hides_last() && self.pass_hidden()? {
                continue;
            }
            let Some(entry) = self.cursor.entry() else { return Ok(self.end_run(passed_dead, false)) };
            if entry.seqno > self.at {
                self.advance()?;
                continue;
            }
            self.decided = Decided::Current;
            if is_live(&entry, &mut self.coverage) {
                return Ok(self.end_run(passed_dead, true));
            }
            passed_dead = true;
            if self.pass_dead()? {
                self.decided = Decided::Invalid;
            }
        }
    }

    #[inline]
    fn step_backward(&mut self) -> Result<bool> {
        let mut passed_dead = false;
        loop {
            if self.decided == Decided::Current {
                self.advance()?;
            }
            self.decided = Decided::Invalid;
            if self.coverage.hides_last() && self.pass_hidden()? {
                continue;
            }
            let Some(entry) = self.cursor.entry() else { return Ok(self.end_run(passed_dead, false)) };
            if self.cursor.ends_key() {
                self.decided = Decided::Current;
                if entry.seqno <= self.at && is_live(&entry, &mut self.coverage) {
                    return Ok(self.end_run(passed_dead, true));
                }
                if self.pass_dead()? {
                    self.decided = Decided::Invalid;
                }
            } else if self.save_visible()? {
                return Ok(self.end_run(passed_dead, true));
            } else {
                self.pass_saved_dead()?;
            }
            passed_dead = true;
        }
    }

    /// Adds the current dead key to the run. Returns whether the cursor has moved past a known dead
    /// range.
    #[cold]
    fn pass_dead(&mut self) -> Result<bool> {
        let (Some(run), Some(entry)) = (&mut self.run, self.cursor.entry()) else { return Ok(false) };
        run.pass(entry.key, self.direction);
        self.pass_known()
    }

    /// The same for the saved key, which the cursor has left.
    #[cold]
    fn pass_saved_dead(&mut self) -> Result<bool> {
        let Some(run) = &mut self.run else { return Ok(false) };
        run.pass(&self.saved_key, self.direction);
        self.pass_known()
    }

    /// Seeks past the known dead range around the current key, if there is one. Returns whether the
    /// cursor has moved.
    fn pass_known(&mut self) -> Result<bool> {
        let (Some(run), Some(entry)) = (&mut self.run, self.cursor.entry()) else { return Ok(false) };
        let Some(dead) = run.known(entry.key, self.direction, self.at) else { return Ok(false) };
        #[cfg(test)]
        steps::note();
        self.cursor.pass_older(&dead, SeqNo::MAX)
    }

    /// Ends the run of dead keys, if the step has passed any.
    #[inline(always)]
    fn end_run(&mut self, passed_dead: bool, found: bool) -> bool {
        if passed_dead && let Some(run) = &mut self.run {
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

    /// Seeks past the range tombstone that hides the current entry: past all older entries under
    /// it. Returns whether the cursor has moved.
    ///
    /// Worth a seek only after a hidden entry, as a range tombstone usually covers more than one.
    #[cold]
    fn pass_hidden(&mut self) -> Result<bool> {
        let Some(entry) = self.cursor.entry() else { return Ok(false) };
        let Some((span, newest)) = self.coverage.covering_span(entry.key, entry.seqno) else {
            return Ok(false);
        };
        #[cfg(test)]
        steps::note();
        self.cursor.pass_older(span, newest)
    }

    /// Skips all versions of the current key.
    #[inline]
    fn pass_key(&mut self) -> Result<()> {
        if self.cursor.ends_key() { self.advance() } else { self.pass_versions() }
    }

    fn pass_versions(&mut self) -> Result<()> {
        let Some(entry) = self.cursor.entry() else { return Ok(()) };
        entry.key.clone_into(&mut self.saved_key);
        let mut count = 0;
        while let Some(entry) = self.cursor.entry().filter(|entry| entry.key == self.saved_key) {
            count += 1;
            // The remaining versions of the key are older.
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
        let span =
            CoveredSpan { start: self.saved_key.clone(), end: Some(after(&self.saved_key)), newest: None };
        self.cursor.pass_older(&span, than)
    }

    /// Backward: saves the version that decides the current key and moves past the key. Returns
    /// whether the key is live.
    fn save_visible(&mut self) -> Result<bool> {
        let Some(entry) = self.cursor.entry() else { return Ok(false) };
        entry.key.clone_into(&mut self.saved_key);
        let (mut live, mut count) = (false, 0);
        while let Some(entry) = self.cursor.entry() {
            if entry.key != self.saved_key {
                break;
            }
            if entry.seqno <= self.at {
                live = is_live(&entry, &mut self.coverage);
                if live {
                    self.saved_kind = entry.kind;
                    entry.value.clone_into(&mut self.saved_value);
                }
            }
            count += 1;
            // Skips all entries that the same tombstone hides, of this key and of others.
            if live || count < 2 || !self.coverage.hides_last() || !self.pass_hidden()? {
                self.advance()?;
            }
        }
        if live {
            self.decided = Decided::Saved;
        }
        Ok(live)
    }
}

/// Whether the version that decides its key makes it live.
#[inline(always)]
fn is_live(entry: &Entry<'_>, coverage: &mut Coverage) -> bool {
    entry.kind.is_value() && !coverage.hides(entry.key, entry.seqno)
}

/// Counts the steps and seeks, and the reads of blocks, of the tests of this thread.
#[cfg(test)]
pub(crate) mod steps {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
        static READS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note() {
        STEPS.set(STEPS.get() + 1);
    }

    pub(crate) fn note_read() {
        READS.set(READS.get() + 1);
    }

    /// Makes a call of which nothing is counted.
    pub(crate) fn uncounted<R>(call: impl FnOnce() -> R) -> R {
        let before = (STEPS.get(), READS.get());
        let result = call();
        STEPS.set(before.0);
        READS.set(before.1);
        result
    }

    /// The number of steps during this call.
    pub(crate) fn of<R>(call: impl FnOnce() -> R) -> (R, usize) {
        let (result, steps, _) = with_reads(call);
        (result, steps)
    }

    /// The numbers of steps and of reads during this call.
    pub(crate) fn with_reads<R>(call: impl FnOnce() -> R) -> (R, usize, usize) {
        let before = (STEPS.get(), READS.get());
        let result = call();
        (result, STEPS.get() - before.0, READS.get() - before.1)
    }
}

#[cfg(not(test))]
pub(crate) mod steps {
    #[inline]
    pub(crate) fn uncounted<R>(call: impl FnOnce() -> R) -> R {
        call()
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
            // A range goes from its start up to the keys that start with another byte; it comes
            // right after the version that has its number.
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
