//! The memtable iterator: merges the sorted runs and the skip list, and finds the version of each
//! key. It keeps the memtable alive.
//!
//! A reader at one sequence number gets one version of a key, found through jump pointers: a hot
//! key costs at most a logarithm of its versions. It gets more than one where range tombstones
//! separate versions of a key: the newest of each chain.

use super::Memtable;
use super::entries::EntryId;
use super::run_slot::RunSlot;
use super::skiplist::{END, Node};
use super::sorted_runs::Sorted;
use crate::base::{CoveredSpan, Entry, KeyPrefix, KeyRange, SeqNo, key_prefix};
use crate::cursor::{Direction, EntryCursor};
use crate::error::Result;
use crate::sync::Arc;

/// The entries of a memtable within a range, as of the creation of the cursor.
#[derive(Debug)]
pub(crate) struct MemtableCursor {
    memtable: Arc<Memtable>,
    sorted: Arc<Sorted>,
    direction: Direction,
    versions: Versions,
    /// Newer entries are ignored.
    limit: EntryId,
    /// The last bound: the end of the range going forward, the start going backward.
    bound: Option<(KeyPrefix, Vec<u8>)>,
    /// The skip list and the runs that have entries left, the one that comes first at the end.
    inputs: Vec<MergeInput>,
    /// The current entry: a version of the first chain of the last input; 0 at the end.
    id: EntryId,
    /// Whether each key has only one chain.
    has_single_chains: bool,
}

/// Which versions of a chain the cursor yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Versions {
    All,
    /// The newest one only.
    Newest,
}

/// An input of the merge, and the first of its remaining slots.
#[derive(Debug)]
struct MergeInput {
    slot: RunSlot,
    rest: InputRest,
}

/// The remaining slots of an input.
#[derive(Clone, Copy, Debug)]
enum InputRest {
    List {
        node: Node,
    },
    /// The slots `from..to` of a run.
    Run {
        run: usize,
        from: usize,
        to: usize,
    },
}

impl MemtableCursor {
    /// A cursor over all versions, on the first entry of the range in the direction.
    pub(crate) fn new(memtable: Arc<Memtable>, range: &KeyRange, direction: Direction) -> Self {
        Self::over(memtable, range, direction, Versions::All, SeqNo::MAX)
    }

    /// A cursor over the versions that a reader at `at` needs: the newest visible one of each key,
    /// and versions that a range tombstone of this memtable hides.
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
        let limit = memtable.entries.id_at(at).min(memtable.filled());
        let sorted = memtable.runs.sorted(&memtable.entries, limit);
        let bound = match direction {
            Direction::Forward => range.end.as_deref(),
            Direction::Backward => Some(&*range.start).filter(|start| !start.is_empty()),
        };
        let bound = bound.map(|bound| (key_prefix(bound), bound.to_vec()));
        let has_single_chains = !memtable.has_range_tombstones();
        let (inputs, id) = (Vec::new(), 0);
        let mut cursor =
            Self { memtable, sorted, direction, versions, limit, bound, inputs, id, has_single_chains };
        if limit > 0 && !range.is_empty() {
            cursor.seek(range);
        }
        cursor
    }

    /// The current entry, and the next older version of its key.
    pub(super) fn entry_and_older(&self) -> Option<(Entry<'_>, Option<Entry<'_>>)> {
        let entries = &self.memtable.entries;
        let entry = self.entry()?;
        Some((entry, entries.older(self.id).map(|older| entries.entry(older))))
    }

    /// Positions the list and the runs in the range.
    fn seek(&mut self, range: &KeyRange) {
        let entries = &self.memtable.entries;
        let start = (key_prefix(&range.start), &*range.start);
        let end = range.end.as_deref().map(|end| (key_prefix(end), end));
        self.inputs.reserve_exact(1 + self.sorted.runs.len());
        let list = &self.sorted.list;
        let node = match (self.direction, end) {
            (Direction::Forward, _) => list.first_from(entries, start),
            (Direction::Backward, Some(end)) => list.last_before(entries, end),
            (Direction::Backward, None) => list.previous(END),
        };
        self.inputs.extend(self.input(InputRest::List { node }));
        for (run, slots) in self.sorted.runs.iter().enumerate() {
            let (from, to) = match self.direction {
                Direction::Forward => (slots.below(start, entries), slots.len()),
                Direction::Backward => (0, end.map_or(slots.len(), |end| slots.below(end, entries))),
            };
            self.inputs.extend(self.input(InputRest::Run { run, from, to }));
        }
        self.sort_inputs();
    }

    /// The input of a range of slots; `None` when it is exhausted.
    #[inline]
    fn input(&self, rest: InputRest) -> Option<MergeInput> {
        let slot = match (rest, self.direction) {
            (InputRest::List { node: END }, _) => return None,
            (InputRest::List { node }, _) => self.sorted.list.slot(node),
            (InputRest::Run { from, to, .. }, _) if from == to => return None,
            (InputRest::Run { run, from, .. }, Direction::Forward) => self.sorted.runs[run][from],
            (InputRest::Run { run, to, .. }, Direction::Backward) => self.sorted.runs[run][to - 1],
        };
        self.is_within(&slot).then_some(MergeInput { slot, rest })
    }

    /// Whether a slot, which is not before the range, is not behind it.
    #[inline]
    fn is_within(&self, slot: &RunSlot) -> bool {
        let Some((prefix, bound)) = &self.bound else { return true };
        let is_below = slot.is_below((*prefix, bound), &self.memtable.entries);
        is_below == (self.direction == Direction::Forward)
    }

    #[inline]
    fn after_first(&self, rest: InputRest) -> InputRest {
        let list = &self.sorted.list;
        match (rest, self.direction) {
            (InputRest::List { node }, Direction::Forward) => InputRest::List { node: list.next(node) },
            (InputRest::List { node }, Direction::Backward) => InputRest::List { node: list.previous(node) },
            (InputRest::Run { run, from, to }, Direction::Forward) => {
                InputRest::Run { run, from: from + 1, to }
            }
            (InputRest::Run { run, from, to }, Direction::Backward) => {
                InputRest::Run { run, from, to: to - 1 }
            }
        }
    }

    /// Skips the chains at the front of an input that are in the span and older than `than`.
    ///
    /// `than` is the id of a range tombstone over the span, or newer than all remaining versions of
    /// a single key: so a chain that starts before it ends before it.
    fn after_older(&self, input: &MergeInput, span: &CoveredSpan, than: EntryId) -> InputRest {
        let entries = &self.memtable.entries;
        let bound = self.bound.as_ref().map(|(_, bound)| &**bound);
        // Slots behind the last bound need not be examined.
        let (start, end) = match self.direction {
            Direction::Forward => (&*span.start, span.end.as_deref().into_iter().chain(bound).min()),
            Direction::Backward => (bound.unwrap_or_default().max(&span.start), span.end.as_deref()),
        };
        let start = (key_prefix(start), start);
        let end = end.map(|end| (key_prefix(end), end));
        match input.rest {
            // All remaining slots are at the current key or behind it, so one end of the span
            // decides.
            InputRest::List { node } => {
                let is_in = match self.direction {
                    Direction::Forward => end.is_none_or(|end| input.slot.is_below(end, entries)),
                    Direction::Backward => !input.slot.is_below(start, entries),
                };
                let list = &self.sorted.list;
                let node = match self.direction {
                    _ if !is_in || input.slot.id > than => node,
                    Direction::Forward => list.first_newer(entries, node, end, than),
                    Direction::Backward => list.last_newer(entries, node, start, than),
                };
                InputRest::List { node }
            }
            InputRest::Run { run, from, to } => {
                let slots = &self.sorted.runs[run];
                let below = |key| slots.below(key, entries).clamp(from, to);
                match self.direction {
                    Direction::Forward => {
                        let end = end.map_or(to, below);
                        InputRest::Run { run, from: slots.first_newer(from..end, than), to }
                    }
                    Direction::Backward => {
                        InputRest::Run { run, from, to: slots.last_newer(below(start)..to, than) }
                    }
                }
            }
        }
    }

    fn sort_inputs(&mut self) {
        for index in 1..self.inputs.len() {
            self.sift(index);
        }
        self.find_version();
    }

    /// Moves the input at an index to its position among those before it, which are sorted.
    #[inline]
    fn sift(&mut self, mut index: usize) {
        while let Some(before) = index.checked_sub(1) {
            let order = self.inputs[before].slot.order(&self.inputs[index].slot, &self.memtable.entries);
            if order.is_lt() != (self.direction == Direction::Forward) {
                break;
            }
            self.inputs.swap(before, index);
            index = before;
        }
    }

    #[inline]
    fn skip_chain(&mut self) {
        let Some(MergeInput { rest, .. }) = self.inputs.pop() else { return };
        if let Some(input) = self.input(self.after_first(rest)) {
            self.inputs.push(input);
            self.sift(self.inputs.len() - 1);
        }
    }

    /// The next version of the current chain in the cursor's direction, when all are wanted; 0 when
    /// there is none.
    fn next_version(&self) -> EntryId {
        let entries = &self.memtable.entries;
        match (self.versions, self.direction, self.inputs.last()) {
            (Versions::All, Direction::Forward, _) => entries.older_in_chain(self.id),
            (Versions::All, Direction::Backward, Some(input)) => {
                entries.newer_in_chain(self.id, entries.version_in_chain(input.slot.id, self.limit))
            }
            _ => 0,
        }
    }

    /// Moves to the first version to yield of the first chain, or of the next chain that has one.
    fn find_version(&mut self) {
        while let Some(input) = self.inputs.last() {
            let oldest = input.slot.id;
            if oldest <= self.limit {
                self.id = match (self.versions, self.direction) {
                    (Versions::All, Direction::Backward) => oldest,
                    _ => self.memtable.entries.version_in_chain(oldest, self.limit),
                };
                return;
            }
            self.skip_chain();
        }
        self.id = 0;
    }
}

impl EntryCursor for MemtableCursor {
    #[inline]
    fn entry(&self) -> Option<Entry<'_>> {
        (self.id > 0).then(|| self.memtable.entries.entry(self.id))
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        if self.versions == Versions::All && self.id > 0 {
            self.id = self.next_version();
            if self.id > 0 {
                return Ok(());
            }
        }
        self.skip_chain();
        self.find_version();
        Ok(())
    }

    fn pass_older(&mut self, span: &CoveredSpan, than: SeqNo) -> Result<bool> {
        let Some(input) = self.inputs.last().filter(|_| self.versions == Versions::Newest) else {
            return Ok(false);
        };
        let before = input.slot.id;
        let than = self.memtable.entries.id_at(than);
        let parts = std::mem::take(&mut self.inputs).into_iter();
        self.inputs = parts.filter_map(|input| self.input(self.after_older(&input, span, than))).collect();
        self.sort_inputs();
        Ok(self.inputs.last().is_none_or(|input| input.slot.id != before))
    }

    fn ends_key(&self) -> bool {
        self.has_single_chains && self.versions == Versions::Newest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::base::SealedBatch;
    use crate::base::{EncodedEntry, Kind};
    use crate::cursor::{Coverage, VisibleCursor, steps};
    use crate::sync::{AtomicBool, Ordering};

    /// A put, a deletion of a key, or of a range up to another key.
    type Write = (Kind, Vec<u8>, Vec<u8>);

    /// The live keys of a state and their values.
    type State = BTreeMap<Vec<u8>, Vec<u8>>;

    fn insert(memtable: &Memtable, writes: &[Write]) {
        let (mut bytes, mut encoded) = (Vec::new(), Vec::new());
        for (kind, key, value) in writes {
            encoded.push(EncodedEntry::new(*kind, bytes.len(), key, value.len()));
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        memtable.insert(SealedBatch::new(bytes, encoded), memtable.max_lsn().plus(1));
    }

    fn apply(state: &mut State, (kind, key, value): &Write) {
        match kind {
            Kind::RangeDelete => state.retain(|other, _| other < key || value <= other),
            Kind::Delete => drop(state.remove(key)),
            _ => drop(state.insert(key.clone(), value.clone())),
        }
    }

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    /// What a reader sees, and the number of steps and seeks.
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
                // Some commits are sorted one by one, some together.
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

    /// The versions of one key are not iterated over, whichever of them is visible.
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
        assert_eq!(sorted.list.len() + sorted.runs.iter().map(|run| run.len()).sum::<usize>(), 3);
    }

    /// Entries under a range tombstone are skipped at once, however many they are and however they
    /// were sorted.
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
        // Each commit moves ten keys by one number, some of them new, and deletes what came before.
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
