//! A walk over the keys of a memtable, which it keeps alive, and over versions of each.
//!
//! A reader at one sequence number gets one version of a key, found by the links between versions: what a hot key was overwritten with
//! costs a logarithm at most. It is more than one where range tombstones lie between versions of a key: the newest from each piece between them.

use super::Memtable;
use super::entries::EntryId;
use super::skiplist::{END, Node};
use super::sorted_runs::{RunSlot, Sorted};
use crate::base::{CoveredSpan, Entry, KeyPrefix, KeyRange, SeqNo, key_prefix};
use crate::cursor::{Direction, EntryCursor};
use crate::error::Result;
use crate::sync::Arc;

/// Entries of a memtable within a range, as they were when the cursor was made.
#[derive(Debug)]
pub(crate) struct MemtableCursor {
    memtable: Arc<Memtable>,
    sorted: Arc<Sorted>,
    direction: Direction,
    versions: Versions,
    /// What is newer is not there.
    limit: EntryId,
    /// Where the walk ends: the end of the range going forward, the start going backward.
    bound: Option<(KeyPrefix, Vec<u8>)>,
    /// What is left of the list and of each strand that has something left, in the reverse of the order in which they come next.
    rests: Vec<RemainingRun>,
    /// The entry that the cursor stands on: a version of the chain of the last one of them; 0 at the end.
    number: EntryId,
    /// Whether each key has one chain.
    is_plain: bool,
}

/// Which versions of a chain there are to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Versions {
    All,
    /// The newest alone.
    Newest,
}

/// Keys of the list or of a strand, and the one of them that comes first.
#[derive(Debug)]
struct RemainingRun {
    slot: RunSlot,
    of: ChainPart,
}

/// A part of the order.
#[derive(Clone, Copy, Debug)]
enum ChainPart {
    List {
        node: Node,
    },
    /// Slots from the first to before the second.
    Strand {
        strand: usize,
        from: usize,
        to: usize,
    },
}

impl MemtableCursor {
    /// A cursor over all versions, on the first entry of the range in the direction.
    pub(crate) fn new(memtable: Arc<Memtable>, range: &KeyRange, direction: Direction) -> Self {
        Self::over(memtable, range, direction, Versions::All, SeqNo::MAX)
    }

    /// A cursor over what a reader at `at` needs to see: of each key the newest version that is not above it, and versions that a range
    /// tombstone of this memtable hides.
    pub(crate) fn at(memtable: Arc<Memtable>, range: &KeyRange, direction: Direction, at: SeqNo) -> Self {
        Self::over(memtable, range, direction, Versions::Newest, at)
    }

    fn over(
        memtable: Arc<Memtable>,
        range: &KeyRange,
        direction: Direction,
        versions: Versions,
        at: SeqNo,
    ) -> Self {
        let limit = memtable.entries.number_at(at).min(memtable.filled());
        let sorted = memtable.order.sorted(&memtable.entries, limit);
        let bound = match direction {
            Direction::Forward => range.end.as_deref(),
            Direction::Backward => Some(&*range.start).filter(|start| !start.is_empty()),
        };
        let bound = bound.map(|bound| (key_prefix(bound), bound.to_vec()));
        let is_plain = !memtable.has_range_tombstones();
        let (rests, number) = (Vec::new(), 0);
        let mut cursor =
            Self { memtable, sorted, direction, versions, limit, bound, rests, number, is_plain };
        if limit > 0 && !range.is_empty() {
            cursor.enter(range);
        }
        cursor
    }

    /// The entry that it stands on, and the version of its key below it.
    pub(super) fn entry_and_older(&self) -> Option<(Entry<'_>, Option<Entry<'_>>)> {
        let rows = &self.memtable.entries;
        let entry = self.entry()?;
        Some((entry, rows.older(self.number).map(|older| rows.entry(older))))
    }

    /// Finds what the list and the strands have in the range.
    fn enter(&mut self, range: &KeyRange) {
        let rows = &self.memtable.entries;
        let start = (key_prefix(&range.start), &*range.start);
        let end = range.end.as_deref().map(|end| (key_prefix(end), end));
        self.rests.reserve_exact(1 + self.sorted.strands.len());
        let list = &self.sorted.list;
        let node = match (self.direction, end) {
            (Direction::Forward, _) => list.first_from(rows, start),
            (Direction::Backward, Some(end)) => list.last_before(rows, end),
            (Direction::Backward, None) => list.previous(END),
        };
        self.rests.extend(self.rest(ChainPart::List { node }));
        for (strand, slots) in self.sorted.strands.iter().enumerate() {
            let (from, to) = match self.direction {
                Direction::Forward => (slots.below(start, rows), slots.len()),
                Direction::Backward => (0, end.map_or(slots.len(), |end| slots.below(end, rows))),
            };
            self.rests.extend(self.rest(ChainPart::Strand { strand, from, to }));
        }
        self.arrange();
    }

    /// A part with what comes first in it, if there is anything.
    #[inline]
    fn rest(&self, of: ChainPart) -> Option<RemainingRun> {
        let slot = match (of, self.direction) {
            (ChainPart::List { node: END }, _) => return None,
            (ChainPart::List { node }, _) => self.sorted.list.slot(node),
            (ChainPart::Strand { from, to, .. }, _) if from == to => return None,
            (ChainPart::Strand { strand, from, .. }, Direction::Forward) => self.sorted.strands[strand][from],
            (ChainPart::Strand { strand, to, .. }, Direction::Backward) => {
                self.sorted.strands[strand][to - 1]
            }
        };
        self.is_within(&slot).then_some(RemainingRun { slot, of })
    }

    /// Whether a key, which does not come before the range, does not come behind it.
    #[inline]
    fn is_within(&self, slot: &RunSlot) -> bool {
        let Some((head, bound)) = &self.bound else { return true };
        let is_below = slot.is_below((*head, bound), &self.memtable.entries);
        is_below == (self.direction == Direction::Forward)
    }

    /// A part without what comes first in it.
    #[inline]
    fn behind_first(&self, of: ChainPart) -> ChainPart {
        let list = &self.sorted.list;
        match (of, self.direction) {
            (ChainPart::List { node }, Direction::Forward) => ChainPart::List { node: list.next(node) },
            (ChainPart::List { node }, Direction::Backward) => ChainPart::List { node: list.previous(node) },
            (ChainPart::Strand { strand, from, to }, Direction::Forward) => {
                ChainPart::Strand { strand, from: from + 1, to }
            }
            (ChainPart::Strand { strand, from, to }, Direction::Backward) => {
                ChainPart::Strand { strand, from, to: to - 1 }
            }
        }
    }

    /// A part without the chains at its beginning that lie in a stretch and are older than a number.
    ///
    /// That number is of a range tombstone over the stretch, or newer than all versions of a single key that are left to see: so a chain
    /// that began before it ended before it.
    fn behind_older(&self, rest: &RemainingRun, stretch: &CoveredSpan, than: EntryId) -> ChainPart {
        let rows = &self.memtable.entries;
        let bound = self.bound.as_ref().map(|(_, bound)| &**bound);
        // What lies behind the walk's end need not be looked at.
        let (start, end) = match self.direction {
            Direction::Forward => (&*stretch.start, stretch.end.as_deref().into_iter().chain(bound).min()),
            Direction::Backward => (bound.unwrap_or_default().max(&stretch.start), stretch.end.as_deref()),
        };
        let start = (key_prefix(start), start);
        let end = end.map(|end| (key_prefix(end), end));
        match rest.of {
            // All that is left lies at the current key or behind it, so one end of the stretch says how far it goes.
            ChainPart::List { node } => {
                let is_in = match self.direction {
                    Direction::Forward => end.is_none_or(|end| rest.slot.is_below(end, rows)),
                    Direction::Backward => !rest.slot.is_below(start, rows),
                };
                let list = &self.sorted.list;
                let node = match self.direction {
                    _ if !is_in || rest.slot.number > than => node,
                    Direction::Forward => list.first_newer(rows, node, end, than),
                    Direction::Backward => list.last_newer(rows, node, start, than),
                };
                ChainPart::List { node }
            }
            ChainPart::Strand { strand, from, to } => {
                let slots = &self.sorted.strands[strand];
                let below = |key| slots.below(key, rows).clamp(from, to);
                match self.direction {
                    Direction::Forward => {
                        let end = end.map_or(to, below);
                        ChainPart::Strand { strand, from: slots.first_newer(from..end, than), to }
                    }
                    Direction::Backward => {
                        ChainPart::Strand { strand, from, to: slots.last_newer(below(start)..to, than) }
                    }
                }
            }
        }
    }

    /// Puts all parts in their order, and comes to the first entry in them.
    fn arrange(&mut self) {
        for place in 1..self.rests.len() {
            self.settle(place);
        }
        self.find_version();
    }

    /// Brings the part at a place in order with those before it, which are in order.
    #[inline]
    fn settle(&mut self, mut place: usize) {
        while let Some(before) = place.checked_sub(1) {
            let order = self.rests[before].slot.order(&self.rests[place].slot, &self.memtable.entries);
            if order.is_lt() != (self.direction == Direction::Forward) {
                break;
            }
            self.rests.swap(before, place);
            place = before;
        }
    }

    /// Passes the chain that comes first.
    #[inline]
    fn pass_chain(&mut self) {
        let Some(RemainingRun { of, .. }) = self.rests.pop() else { return };
        if let Some(rest) = self.rest(self.behind_first(of)) {
            self.rests.push(rest);
            self.settle(self.rests.len() - 1);
        }
    }

    /// The version after the current one of its chain, where all are to be seen; 0 when there is none.
    fn next_version(&self) -> EntryId {
        let rows = &self.memtable.entries;
        match (self.versions, self.direction, self.rests.last()) {
            (Versions::All, Direction::Forward, _) => rows.older_in_chain(self.number),
            (Versions::All, Direction::Backward, Some(rest)) => {
                rows.newer_in_chain(self.number, rows.version_in_chain(rest.slot.number, self.limit))
            }
            _ => 0,
        }
    }

    /// Comes to the first version to see of the chain that comes first, or of the first one after it that is there.
    fn find_version(&mut self) {
        while let Some(rest) = self.rests.last() {
            let oldest = rest.slot.number;
            if oldest <= self.limit {
                self.number = match (self.versions, self.direction) {
                    (Versions::All, Direction::Backward) => oldest,
                    _ => self.memtable.entries.version_in_chain(oldest, self.limit),
                };
                return;
            }
            self.pass_chain();
        }
        self.number = 0;
    }
}

impl EntryCursor for MemtableCursor {
    #[inline]
    fn entry(&self) -> Option<Entry<'_>> {
        (self.number > 0).then(|| self.memtable.entries.entry(self.number))
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        if self.versions == Versions::All && self.number > 0 {
            self.number = self.next_version();
            if self.number > 0 {
                return Ok(());
            }
        }
        self.pass_chain();
        self.find_version();
        Ok(())
    }

    fn pass_older(&mut self, stretch: &CoveredSpan, than: SeqNo) -> Result<bool> {
        let Some(rest) = self.rests.last().filter(|_| self.versions == Versions::Newest) else {
            return Ok(false);
        };
        let before = rest.slot.number;
        let than = self.memtable.entries.number_at(than);
        let parts = std::mem::take(&mut self.rests).into_iter();
        self.rests = parts.filter_map(|rest| self.rest(self.behind_older(&rest, stretch, than))).collect();
        self.arrange();
        Ok(self.rests.last().is_none_or(|rest| rest.slot.number != before))
    }

    fn ends_key(&self) -> bool {
        self.is_plain && self.versions == Versions::Newest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{BatchSpan, SealedBatch};
    use super::*;
    use crate::base::Kind;
    use crate::cursor::{Coverage, VisibleCursor, steps};
    use crate::sync::{AtomicBool, Ordering};

    /// A put, a removal of a key, or of a range up to before another key.
    type Write = (Kind, Vec<u8>, Vec<u8>);

    /// The live keys of a state and their values.
    type State = BTreeMap<Vec<u8>, Vec<u8>>;

    fn insert(memtable: &Memtable, writes: &[Write]) {
        let (mut bytes, mut placed) = (Vec::new(), Vec::new());
        for (kind, key, value) in writes {
            let (key_offset, key_size, value_size) = (bytes.len(), key.len(), value.len());
            placed.push(BatchSpan { kind: *kind, key_offset, key_size, value_size });
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        memtable.insert(SealedBatch::new(bytes, placed.into_iter()), memtable.max_lsn().plus(1));
    }

    fn apply(state: &mut State, (kind, key, value): &Write) {
        match kind {
            Kind::RangeDelete => state.retain(|other, _| other < key || value <= other),
            Kind::Delete => drop(state.remove(key)),
            _ => drop(state.insert(key.clone(), value.clone())),
        }
    }

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    /// What a reader sees, and how many entries were stepped over.
    fn walk(memtable: &Arc<Memtable>, range: &KeyRange, direction: Direction, at: SeqNo) -> (Pairs, usize) {
        steps::of(|| {
            let lists = memtable.has_range_tombstones().then(|| Arc::clone(memtable) as _);
            let cursor = MemtableCursor::at(Arc::clone(memtable), range, direction, at);
            let mut visible = VisibleCursor::new(cursor, direction, at, Coverage::new(at, lists));
            let mut seen = Vec::new();
            while visible.step().expect("no file") {
                let (key, _, value) = visible.seen().expect("a step has come to it");
                seen.push((key.to_vec(), value.to_vec()));
            }
            seen
        })
    }

    fn put(key: impl AsRef<[u8]>, value: u64) -> Write {
        (Kind::Put, key.as_ref().to_vec(), value.to_be_bytes().to_vec())
    }

    fn write() -> impl Strategy<Value = Write> {
        let key = || prop::collection::vec(0u8..3, 0..4);
        prop_oneof![
            6 => (key(), any::<u64>()).prop_map(|(key, value)| put(key, value)),
            2 => key().prop_map(|key| (Kind::Delete, key, Vec::new())),
            1 => (key(), key()).prop_map(|(start, end)| (Kind::RangeDelete, start, end)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_reader_sees_the_state_at_its_number_in_both_directions(
            commits in prop::collection::vec((prop::collection::vec(write(), 1..6), any::<bool>()), 0..60),
            start in prop::collection::vec(0u8..3, 0..4),
            end in prop::option::of(prop::collection::vec(0u8..3, 0..4)),
        ) {
            let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
            let range = KeyRange { start, end };
            let mut states = vec![State::new()];
            for (writes, is_read) in &commits {
                insert(&memtable, writes);
                for write in writes {
                    let mut state = states.last().expect("there is a first").clone();
                    apply(&mut state, write);
                    states.push(state);
                }
                // Some commits are put in order one by one, some together.
                if *is_read {
                    walk(&memtable, &range, Direction::Forward, SeqNo::MAX);
                }
            }
            for (at, state) in (0..).zip(&states) {
                let mut expected: Vec<_> = state.clone().into_iter().collect();
                expected.retain(|(key, _)| range.contains(key));
                for direction in [Direction::Forward, Direction::Backward] {
                    prop_assert_eq!(&walk(&memtable, &range, direction, SeqNo(at)).0, &expected, "at {}", at);
                    expected.reverse();
                }
            }
        }
    }

    /// What was written to one key is not walked, whichever version of it is to be seen.
    #[test]
    fn a_hot_key_costs_a_walk_no_more_than_another_one() {
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        insert(&memtable, &[put("a", 0), put("b", 0), put("c", 0)]);
        for value in 1..=200_000 {
            insert(&memtable, &[put("b", value)]);
        }
        for (at, value) in [(200_003, 200_000), (3, 0), (150_003, 150_000), (4, 1)] {
            for direction in [Direction::Forward, Direction::Backward] {
                let (seen, steps) = walk(&memtable, &KeyRange::all(), direction, SeqNo(at));
                assert_eq!((seen.len(), &*seen[1].1), (3, &u64::to_be_bytes(value)[..]), "at {at}");
                assert!(steps <= 3, "{steps} steps at {at}, {direction:?}");
            }
        }
        let sorted = memtable.sorted();
        assert_eq!(sorted.list.len() + sorted.strands.iter().map(|strand| strand.len()).sum::<usize>(), 3);
    }

    /// What a range tombstone hides is passed at once, however much it is and however it came into order.
    #[test]
    fn what_was_cleared_costs_a_walk_nothing() {
        let all = KeyRange::all();
        for is_fresh in [false, true] {
            let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
            for round in 0..2000u64 {
                let key = |n: u64| (if is_fresh { 10 * round + n } else { n }).to_be_bytes();
                (0..10).for_each(|n| insert(&memtable, &[put(key(n), round)]));
                if round % 2 == 0 {
                    assert_eq!(walk(&memtable, &all, Direction::Forward, SeqNo::MAX).0.len(), 10);
                }
                insert(&memtable, &[(Kind::RangeDelete, Vec::new(), vec![0xff])]);
                for direction in [Direction::Forward, Direction::Backward] {
                    let (seen, steps) = walk(&memtable, &all, direction, SeqNo::MAX);
                    assert!(seen.is_empty() && steps <= 6, "{steps} steps in round {round}, {direction:?}");
                }
            }
            insert(&memtable, &[put(7u64.to_be_bytes(), 1), put(9u64.to_be_bytes(), 1)]);
            for direction in [Direction::Forward, Direction::Backward] {
                let (seen, steps) = walk(&memtable, &all, direction, SeqNo::MAX);
                assert!(seen.len() == 2 && steps <= 24, "{steps} steps, {direction:?}");
            }
        }
    }

    #[test]
    fn readers_see_whole_states_while_the_writer_goes_on() {
        // Each commit moves ten keys by one number, some of them new, and removes what came before.
        let key = |n: u64| n.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
        let is_written = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..3000u64 {
                    let mut writes: Vec<Write> =
                        (0..10).map(|n| put(key(n * (1 + round % 300)), round)).collect();
                    if round % 16 == 0 {
                        writes.insert(0, (Kind::RangeDelete, Vec::new(), vec![0xff; 9]));
                    }
                    insert(&memtable, &writes);
                }
                is_written.store(true, Ordering::Relaxed);
            });
            for direction in [Direction::Forward, Direction::Backward] {
                let (memtable, is_written) = (&memtable, &is_written);
                scope.spawn(move || {
                    while !is_written.load(Ordering::Relaxed) {
                        let at = memtable.max_lsn();
                        let (seen, _) = walk(memtable, &KeyRange::all(), direction, at);
                        let (again, _) = walk(memtable, &KeyRange::all(), direction, at);
                        assert_eq!(seen, again, "a number has one state");
                        let in_order =
                            seen.is_sorted_by(|a, b| (a.0 < b.0) == (direction == Direction::Forward));
                        assert!(in_order && (at == SeqNo::ZERO || seen.len() >= 10), "{} keys", seen.len());
                    }
                });
            }
        });
    }
}
