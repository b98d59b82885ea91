//! A skip list of keys: the order of those that came a few at a time, and not long ago.
//!
//! ```text
//!   level 2   ○ ───────────────────────────────► d ──────────► end
//!   level 1   ○ ──────────► b ─────────────────► d ──────────► end
//!   level 0   ○ ──► a ────► b ────► c ─────────► d ────► e ──► end        and back: each node knows the one before it
//! ```
//!
//! A node is some cells in a row: the first has the head of its key, its number, and its way forward and back; the ways of the higher levels
//! follow. A way also knows the newest number among the nodes that it leads over, so that a walk passes in a logarithm of steps
//! what is older than a range tombstone.
//!
//! 1. One thread inserts at a time, and numbers rise from node to node that is inserted: so it is the number of a key's oldest version, and of
//!    two nodes of one key the later one comes first.
//! 2. A node is complete before a way leads to it, and never goes. Ways change under readers: a reader may meet nodes that are newer than what it
//!    is looking for, and no node that was there when it began is missed in either direction.
//! 3. Level 0 leads to a new node before a higher level does, so a number that is seen above is found below.

use super::append_vec::AppendVec;
use super::entries::{EntryId, EntryTable, pack, unpack, unpack_word};
use super::sorted_runs::{RunSlot, Target};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Levels that the tallest node has: enough for four to the power of it nodes.
const MAX_HEIGHT: usize = 9;

/// Ways that a cell has room for, behind the first cell of a node.
const WAYS_PER_CELL: usize = 4;

/// Cells that the tallest node takes.
const MAX_CELLS: u32 = 3;
const _: () = assert!(MAX_CELLS as usize == 1 + (MAX_HEIGHT - 1).div_ceil(WAYS_PER_CELL));

/// The first cell of a node; the list's own is its beginning and its end.
pub(super) type Node = u32;

/// Where the list begins and ends.
pub(super) const END: Node = 0;

/// The keys, in their order.
#[derive(Debug, Default)]
pub(super) struct SkipList {
    cells: AppendVec<NodeCell>,
    /// Cells that nodes take.
    used: AtomicU32,
    /// Levels that have a node.
    height: AtomicU32,
    len: AtomicUsize,
}

/// Of the first cell of a node: the two words of the head, number and previous node, next node and its number.
#[derive(Debug, Default)]
#[repr(align(32))]
struct NodeCell([AtomicU64; WAYS_PER_CELL]);

/// The word of a node's number and of the node before it.
const NUMBER: usize = 2;

/// The word of its way on level 0.
const WAY: usize = 3;

impl SkipList {
    /// Enters a key, which is newer than all that are there.
    ///
    /// Cost: a logarithm of comparisons.
    pub(super) fn insert(&self, rows: &EntryTable, slot: RunSlot) {
        let node = self.used.load(Ordering::Relaxed).max(MAX_CELLS);
        let height = height(slot.number);
        let cells = cells(height);
        self.used.store(node + cells, Ordering::Relaxed);
        for cell in (0..MAX_CELLS).filter(|_| node == MAX_CELLS).chain(node..node + cells) {
            self.cells.make(cell);
        }
        let top = self.height(Ordering::Relaxed).max(height);
        let mut before = [END; MAX_HEIGHT];
        self.find(rows, top, slot.target(rows), &mut before);
        let NodeCell(words) = self.cell(node);
        let (first, second) = slot.head;
        words[0].store(first, Ordering::Relaxed);
        words[1].store(second, Ordering::Relaxed);
        words[NUMBER].store(pack(slot.number, before[0]), Ordering::Relaxed);
        for (level, &before) in before.iter().enumerate().take(height) {
            let (next, _) = self.way(before, level);
            let newest =
                if level == 0 { self.number(next) } else { self.newest_below(node, next, level - 1) };
            self.set_way(node, level, next, newest);
        }
        for (level, &before) in before.iter().enumerate().take(top) {
            let next = if level < height { node } else { self.way(before, level).0 };
            self.set_way(before, level, next, slot.number);
        }
        let next = self.way(node, 0).0;
        self.set_back(next, node);
        self.height.store(u32::try_from(top).expect("few levels"), Ordering::Release);
        self.len.store(self.len() + 1, Ordering::Relaxed);
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// All of them, in their order.
    pub(super) fn slots(&self) -> Vec<RunSlot> {
        let mut slots = Vec::with_capacity(self.len());
        let mut node = self.next(END);
        while node != END {
            slots.push(self.slot(node));
            node = self.next(node);
        }
        slots
    }

    /// The first node that is not below a key.
    pub(super) fn first_from(&self, rows: &EntryTable, target: Target<'_>) -> Node {
        self.next(self.last_before(rows, target))
    }

    /// The last node that is below a key.
    pub(super) fn last_before(&self, rows: &EntryTable, target: Target<'_>) -> Node {
        if self.is_empty() {
            return END;
        }
        let mut before = [END; MAX_HEIGHT];
        self.find(rows, self.height(Ordering::Acquire), target, &mut before);
        before[0]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.height.load(Ordering::Acquire) == 0
    }

    /// The node after this one; the first one after the end.
    #[inline]
    pub(super) fn next(&self, node: Node) -> Node {
        if self.is_empty() { END } else { self.way(node, 0).0 }
    }

    /// The node before this one; the last one before the end.
    #[inline]
    pub(super) fn previous(&self, node: Node) -> Node {
        if self.is_empty() { END } else { unpack_word(self.cell(node).0[NUMBER].load(Ordering::Acquire)).1 }
    }

    /// What stands at a node.
    #[inline]
    pub(super) fn slot(&self, node: Node) -> RunSlot {
        let NodeCell(words) = self.cell(node);
        let head = (words[0].load(Ordering::Relaxed), words[1].load(Ordering::Relaxed));
        RunSlot { head, number: unpack(&words[NUMBER]).0 }
    }

    /// The first node behind this one that is newer than a number, or not below `end`.
    ///
    /// Cost: a logarithm of steps, as those of a way that goes up first, and then down.
    pub(super) fn first_newer(
        &self,
        rows: &EntryTable,
        node: Node,
        end: Option<Target<'_>>,
        than: EntryId,
    ) -> Node {
        let is_within = |next| match end {
            _ if next == END => end.is_none(),
            None => true,
            Some(end) => self.slot(next).is_below(end, rows),
        };
        let mut node = node;
        loop {
            let mut levels = (0..height(self.number(node))).rev().map(|level| self.way(node, level));
            match levels.find(|&(next, newest)| newest <= than && is_within(next)) {
                Some((END, _)) => return END,
                Some((next, _)) => node = next,
                None => return self.next(node),
            }
        }
    }

    /// The last node before this one that is newer than a number, or else the last one below `start`.
    ///
    /// Cost: a logarithm of steps.
    pub(super) fn last_newer(&self, rows: &EntryTable, node: Node, start: Target<'_>, than: EntryId) -> Node {
        // The last way before the node that leads over a newer one; what lies between it and the node is older.
        let mut found = None;
        let (mut from, slot) = (END, self.slot(node));
        for level in (0..self.height(Ordering::Acquire)).rev() {
            loop {
                let (next, newest) = self.way(from, level);
                if next == END || !self.slot(next).order(&slot, rows).is_lt() {
                    break;
                }
                if newest > than {
                    found = Some((from, level, next));
                }
                from = next;
            }
        }
        while let Some((from, level, to)) = found {
            if level == 0 {
                return if self.slot(to).is_below(start, rows) { self.last_before(rows, start) } else { to };
            }
            let (mut at, mut below) = (from, None);
            while at != to {
                let (next, newest) = self.way(at, level - 1);
                if newest > than {
                    below = Some((at, level - 1, next));
                }
                at = next;
            }
            found = below;
        }
        self.last_before(rows, start)
    }

    /// Finds on each level below `top` the last node that is below a key.
    #[inline]
    fn find(&self, rows: &EntryTable, top: usize, target: Target<'_>, before: &mut [Node; MAX_HEIGHT]) {
        let (mut node, mut not_below) = (END, END);
        for level in (0..top).rev() {
            loop {
                let (next, _) = self.way(node, level);
                // What the level above ended at is not compared again.
                if next == END || next == not_below || !self.slot(next).is_below(target, rows) {
                    not_below = next;
                    break;
                }
                node = next;
            }
            before[level] = node;
        }
    }

    /// The newest number of the nodes behind `from` up to `to`, by the ways of a level.
    fn newest_below(&self, from: Node, to: Node, level: usize) -> EntryId {
        let (mut node, mut newest) = (from, 0);
        loop {
            let (next, number) = self.way(node, level);
            newest = newest.max(number);
            node = next;
            if node == to {
                return newest;
            }
        }
    }

    /// Where a way of a node leads, and the newest number among the nodes that it leads over, the one at its end included.
    #[inline]
    fn way(&self, node: Node, level: usize) -> (Node, EntryId) {
        unpack_word(self.way_word(node, level).load(Ordering::Acquire))
    }

    fn set_way(&self, node: Node, level: usize, next: Node, newest: EntryId) {
        self.way_word(node, level).store(pack(next, newest), Ordering::Release);
    }

    fn set_back(&self, node: Node, previous: Node) {
        let word = &self.cell(node).0[NUMBER];
        word.store(pack(unpack(word).0, previous), Ordering::Release);
    }

    #[inline]
    fn way_word(&self, node: Node, level: usize) -> &AtomicU64 {
        match level.checked_sub(1) {
            None => &self.cell(node).0[WAY],
            Some(above) => {
                let cell = node + 1 + u32::try_from(above / WAYS_PER_CELL).expect("few cells");
                &self.cell(cell).0[above % WAYS_PER_CELL]
            }
        }
    }

    /// The number at a node; 0 at the end.
    #[inline]
    fn number(&self, node: Node) -> EntryId {
        unpack(&self.cell(node).0[NUMBER]).0
    }

    fn height(&self, ordering: Ordering) -> usize {
        self.height.load(ordering) as usize
    }

    #[inline]
    fn cell(&self, cell: u32) -> &NodeCell {
        self.cells.get(cell).expect("the cells of a node are made before a way leads to it")
    }
}

/// On how many levels the node with a number is: on each further one a quarter of them. The list's own is on all of them.
fn height(number: EntryId) -> usize {
    if number == 0 {
        return MAX_HEIGHT;
    }
    // The finalizer of a well-known generator; neighbouring numbers come to heights that know nothing of each other.
    let mut mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let quarters = (mixed ^ mixed >> 31).trailing_zeros() / 2;
    (1 + quarters as usize).min(MAX_HEIGHT)
}

/// How many cells a node takes that is on so many levels.
fn cells(height: usize) -> u32 {
    1 + u32::try_from((height - 1).div_ceil(WAYS_PER_CELL)).expect("few cells")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Link;
    use super::super::sealed_batch::SealedEntry;
    use super::*;
    use crate::base::{KeyHash, Kind, SeqNo, key_prefix};

    /// Rows of these keys, the first of which has number 1, and a list of them.
    fn list_of(keys: &[Vec<u8>]) -> (EntryTable, SkipList) {
        let (rows, list) = (EntryTable::new(SeqNo::ZERO), SkipList::default());
        for (number, key) in (1..).zip(keys) {
            rows.keep(number, key.clone());
            let key_size = u32::try_from(key.len()).expect("small");
            let entry = SealedEntry {
                hash: KeyHash::of(key),
                key_offset: 0,
                key_size,
                value_size: 0,
                kind: Kind::Put,
            };
            rows.fill(number, number, &entry, 0, Link::Begins);
            list.insert(&rows, RunSlot::new(&rows, number));
        }
        (rows, list)
    }

    /// The numbers of all nodes from one on, by a step.
    fn walk(list: &SkipList, from: Node, step: impl Fn(Node) -> Node) -> Vec<EntryId> {
        std::iter::successors(Some(from), |node| Some(step(*node)))
            .take_while(|node| *node != END)
            .map(|node| list.slot(node).number)
            .collect()
    }

    proptest! {
        #[test]
        fn keys_are_found_and_walked_in_order_and_older_ones_passed(
            keys in prop::collection::vec(prop::collection::vec(0u8..4, 0..5), 0..200),
            sought in prop::collection::vec(0u8..4, 0..5),
            than in 0u32..220,
        ) {
            let (rows, list) = list_of(&keys);
            // Of one key the later node comes first.
            let mut numbers: Vec<EntryId> = (1..).take(keys.len()).collect();
            numbers.sort_by_key(|&number| (rows.key(number), std::cmp::Reverse(number)));
            prop_assert_eq!(&walk(&list, list.next(END), |node| list.next(node)), &numbers);
            let place = numbers.partition_point(|&number| rows.key(number) < &*sought);
            let target = (key_prefix(&sought), &*sought);
            prop_assert_eq!(&walk(&list, list.first_from(&rows, target), |node| list.next(node)), &numbers[place..]);
            let before: Vec<EntryId> = numbers[..place].iter().rev().copied().collect();
            prop_assert_eq!(walk(&list, list.last_before(&rows, target), |node| list.previous(node)), before);
            // From each node on: the next one that is newer, or where the key that was sought begins.
            let mut node = list.next(END);
            for (at, _) in numbers.iter().enumerate() {
                for end in [None, Some(target)] {
                    let stop = end.map_or(numbers.len(), |_| place.max(at + 1));
                    let expected = (at + 1..stop).find(|&at| numbers[at] > than).unwrap_or(stop);
                    let found = list.number(list.first_newer(&rows, node, end, than));
                    prop_assert_eq!(found, numbers.get(expected).copied().unwrap_or(0));
                }
                if at >= place {
                    let expected = (place..at).rfind(|&at| numbers[at] > than).map_or(place, |at| at + 1);
                    let expected = expected.checked_sub(1).map_or(0, |at| numbers[at]);
                    prop_assert_eq!(list.number(list.last_newer(&rows, node, target, than)), expected);
                }
                node = list.next(node);
            }
        }

        #[test]
        fn each_way_knows_the_newest_number_that_it_leads_over(seed: u64, count in 1u64..400) {
            let keys: Vec<Vec<u8>> =
                (0..count).map(|n| n.wrapping_mul(seed | 1).to_be_bytes().to_vec()).collect();
            let (_, list) = list_of(&keys);
            for level in 0..list.height(Ordering::Relaxed) {
                let mut from = END;
                loop {
                    let (to, newest) = list.way(from, level);
                    let over = std::iter::successors(Some(list.next(from)), |node| Some(list.next(*node)));
                    let mut expected = 0;
                    for node in over {
                        expected = expected.max(list.number(node));
                        if node == to {
                            break;
                        }
                    }
                    prop_assert_eq!(newest, expected, "level {} from {}", level, from);
                    if to == END {
                        break;
                    }
                    from = to;
                }
            }
        }
    }

    #[test]
    fn heights_halve_twice_from_level_to_level() {
        for level in 1..6 {
            let count = (1..=1 << 16).filter(|&number| height(number) > level).count();
            let expected = (1 << 16) >> (2 * level);
            assert!((expected * 7 / 10..=expected * 13 / 10 + 8).contains(&count), "level {level}: {count}");
        }
        assert_eq!((cells(1), cells(2), cells(5), cells(6)), (1, 2, 2, 3));
    }
}
