//! A concurrent skip list of keys: the sorted form of recent keys that came a few at a time.
//!
//! ```text
//!   level 2   ○ ───────────────────────────────► d ──────────► end
//!   level 1   ○ ──────────► b ─────────────────► d ──────────► end
//!   level 0   ○ ──► a ────► b ────► c ─────────► d ────► e ──► end     and back: each node links
//!                                                                      to the previous one
//! ```
//!
//! A node is a few consecutive cells: the first has the prefix of its key, its entry id, and its
//! links forward and back; the links of the higher levels follow. A link also has the newest id
//! among the nodes that it skips, so that a cursor passes the entries under a range tombstone in a
//! logarithm of steps.
//!
//! 1. One thread inserts at a time, and ids ascend in the order of insertion: the id is that of the
//!    oldest version of a chain, and of two nodes of one key the later one comes first.
//! 2. A node is complete before a link leads to it, and is never removed. Links change under
//!    readers: a reader may find nodes that are newer than its snapshot, but misses no node that
//!    existed when it started, in either direction.
//! 3. Level 0 links to a new node before a higher level does, so an id that is seen on a higher
//!    level is found on level 0.

use super::append_vec::AppendVec;
use super::entries::{EntryId, EntryTable, pack, unpack, unpack_word};
use super::run_slot::{RunSlot, Target};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Levels of the tallest node: enough for 4^9 nodes.
const MAX_HEIGHT: usize = 9;

/// Links that fit in a cell behind the first one of a node.
const LINKS_PER_CELL: usize = 4;

/// Cells of the tallest node.
const MAX_CELLS: u32 = 3;
const _: () = assert!(MAX_CELLS as usize == 1 + (MAX_HEIGHT - 1).div_ceil(LINKS_PER_CELL));

/// The first cell of a node; that of the sentinel is both the beginning and the end.
pub(super) type Node = u32;

/// The sentinel.
pub(super) const END: Node = 0;

#[derive(Debug, Default)]
pub(super) struct SkipList {
    cells: AppendVec<NodeCell>,
    /// The number of cells in use.
    used: AtomicU32,
    /// The number of levels with a node.
    height: AtomicU32,
    len: AtomicUsize,
}

/// In the first cell of a node: the two words of the key prefix, id and previous node, next node
/// and its id.
#[derive(Debug, Default)]
#[repr(align(32))]
struct NodeCell([AtomicU64; LINKS_PER_CELL]);

/// The word of the id and of the previous node.
const NUMBER: usize = 2;

/// The word of the link on level 0.
const LINK: usize = 3;

impl SkipList {
    /// Inserts a key, which must be newer than all others.
    ///
    /// Cost: a logarithm of comparisons.
    pub(super) fn insert(&self, entries: &EntryTable, slot: RunSlot) {
        let node = self.used.load(Ordering::Relaxed).max(MAX_CELLS);
        let height = height(slot.id);
        let cells = cells(height);
        self.used.store(node + cells, Ordering::Relaxed);
        for cell in (0..MAX_CELLS).filter(|_| node == MAX_CELLS).chain(node..node + cells) {
            self.cells.make(cell);
        }
        let top = self.height(Ordering::Relaxed).max(height);
        let mut before = [END; MAX_HEIGHT];
        self.find(entries, top, slot.target(entries), &mut before);
        let NodeCell(words) = self.cell(node);
        let (first, second) = slot.prefix;
        words[0].store(first, Ordering::Relaxed);
        words[1].store(second, Ordering::Relaxed);
        words[NUMBER].store(pack(slot.id, before[0]), Ordering::Relaxed);
        for (level, &before) in before.iter().enumerate().take(height) {
            let (next, _) = self.link(before, level);
            let newest = if level == 0 { self.id(next) } else { self.newest_below(node, next, level - 1) };
            self.set_link(node, level, next, newest);
        }
        for (level, &before) in before.iter().enumerate().take(top) {
            let next = if level < height { node } else { self.link(before, level).0 };
            self.set_link(before, level, next, slot.id);
        }
        let next = self.link(node, 0).0;
        self.set_back(next, node);
        self.height.store(u32::try_from(top).expect("few levels"), Ordering::Release);
        self.len.store(self.len() + 1, Ordering::Relaxed);
    }

    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// All slots, in order.
    pub(super) fn slots(&self) -> Vec<RunSlot> {
        let mut slots = Vec::with_capacity(self.len());
        let mut node = self.next(END);
        while node != END {
            slots.push(self.slot(node));
            node = self.next(node);
        }
        slots
    }

    pub(super) fn first_from(&self, entries: &EntryTable, target: Target<'_>) -> Node {
        self.next(self.last_before(entries, target))
    }

    pub(super) fn last_before(&self, entries: &EntryTable, target: Target<'_>) -> Node {
        if self.is_empty() {
            return END;
        }
        let mut before = [END; MAX_HEIGHT];
        self.find(entries, self.height(Ordering::Acquire), target, &mut before);
        before[0]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.height.load(Ordering::Acquire) == 0
    }

    /// The node after this one; after the sentinel, the first one.
    #[inline]
    pub(super) fn next(&self, node: Node) -> Node {
        if self.is_empty() { END } else { self.link(node, 0).0 }
    }

    /// The node before this one; before the sentinel, the last one.
    #[inline]
    pub(super) fn previous(&self, node: Node) -> Node {
        if self.is_empty() { END } else { unpack_word(self.cell(node).0[NUMBER].load(Ordering::Acquire)).1 }
    }

    #[inline]
    pub(super) fn slot(&self, node: Node) -> RunSlot {
        let NodeCell(words) = self.cell(node);
        let prefix = (words[0].load(Ordering::Relaxed), words[1].load(Ordering::Relaxed));
        RunSlot { prefix, id: unpack(&words[NUMBER]).0 }
    }

    /// The first node behind this one that is newer than `than`, or not below `end`.
    ///
    /// Cost: a logarithm of steps: first up the levels, then down.
    pub(super) fn first_newer(
        &self,
        entries: &EntryTable,
        node: Node,
        end: Option<Target<'_>>,
        than: EntryId,
    ) -> Node {
        let is_within = |next| match end {
            _ if next == END => end.is_none(),
            None => true,
            Some(end) => self.slot(next).is_below(end, entries),
        };
        let mut node = node;
        loop {
            let mut levels = (0..height(self.id(node))).rev().map(|level| self.link(node, level));
            match levels.find(|&(next, newest)| newest <= than && is_within(next)) {
                Some((END, _)) => return END,
                Some((next, _)) => node = next,
                None => return self.next(node),
            }
        }
    }

    /// The last node before this one that is newer than `than`, or else the last one below `start`.
    ///
    /// Cost: a logarithm of steps.
    pub(super) fn last_newer(
        &self,
        entries: &EntryTable,
        node: Node,
        start: Target<'_>,
        than: EntryId,
    ) -> Node {
        // The last link before the node that skips a newer one; all nodes between its target and
        // the node are older.
        let mut found = None;
        let (mut from, slot) = (END, self.slot(node));
        for level in (0..self.height(Ordering::Acquire)).rev() {
            loop {
                let (next, newest) = self.link(from, level);
                if next == END || !self.slot(next).order(&slot, entries).is_lt() {
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
                return if self.slot(to).is_below(start, entries) {
                    self.last_before(entries, start)
                } else {
                    to
                };
            }
            let (mut at, mut below) = (from, None);
            while at != to {
                let (next, newest) = self.link(at, level - 1);
                if newest > than {
                    below = Some((at, level - 1, next));
                }
                at = next;
            }
            found = below;
        }
        self.last_before(entries, start)
    }

    /// Finds on each level below `top` the last node before a key.
    #[inline]
    fn find(&self, entries: &EntryTable, top: usize, target: Target<'_>, before: &mut [Node; MAX_HEIGHT]) {
        let (mut node, mut not_below) = (END, END);
        for level in (0..top).rev() {
            loop {
                let (next, _) = self.link(node, level);
                // The node at which the level above stopped is not compared again.
                if next == END || next == not_below || !self.slot(next).is_below(target, entries) {
                    not_below = next;
                    break;
                }
                node = next;
            }
            before[level] = node;
        }
    }

    /// The newest id of the nodes behind `from` up to `to`, by the links of a level.
    fn newest_below(&self, from: Node, to: Node, level: usize) -> EntryId {
        let (mut node, mut newest) = (from, 0);
        loop {
            let (next, id) = self.link(node, level);
            newest = newest.max(id);
            node = next;
            if node == to {
                return newest;
            }
        }
    }

    /// The target of a link, and the newest id among the nodes that it skips, the target included.
    #[inline]
    fn link(&self, node: Node, level: usize) -> (Node, EntryId) {
        unpack_word(self.link_word(node, level).load(Ordering::Acquire))
    }

    fn set_link(&self, node: Node, level: usize, next: Node, newest: EntryId) {
        self.link_word(node, level).store(pack(next, newest), Ordering::Release);
    }

    fn set_back(&self, node: Node, previous: Node) {
        let word = &self.cell(node).0[NUMBER];
        word.store(pack(unpack(word).0, previous), Ordering::Release);
    }

    #[inline]
    fn link_word(&self, node: Node, level: usize) -> &AtomicU64 {
        match level.checked_sub(1) {
            None => &self.cell(node).0[LINK],
            Some(above) => {
                let cell = node + 1 + u32::try_from(above / LINKS_PER_CELL).expect("few cells");
                &self.cell(cell).0[above % LINKS_PER_CELL]
            }
        }
    }

    /// The id of a node; 0 for the sentinel.
    #[inline]
    fn id(&self, node: Node) -> EntryId {
        unpack(&self.cell(node).0[NUMBER]).0
    }

    fn height(&self, ordering: Ordering) -> usize {
        self.height.load(ordering) as usize
    }

    #[inline]
    fn cell(&self, cell: u32) -> &NodeCell {
        self.cells.get(cell).expect("the cells of a node are made before a link leads to it")
    }
}

/// The number of levels of the node with an id: each level has a quarter of the nodes of the one
/// below. The sentinel is on all levels.
fn height(id: EntryId) -> usize {
    if id == 0 {
        return MAX_HEIGHT;
    }
    // The finalizer of SplitMix64, so that consecutive ids get independent heights.
    let mut mixed = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let quarters = (mixed ^ mixed >> 31).trailing_zeros() / 2;
    (1 + quarters as usize).min(MAX_HEIGHT)
}

fn cells(height: usize) -> u32 {
    1 + u32::try_from((height - 1).div_ceil(LINKS_PER_CELL)).expect("few cells")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Link;
    use super::*;
    use crate::base::{EncodedEntry, Kind, SeqNo, key_prefix};

    /// The entries of these keys, the first of which has id 1, and a list of them.
    fn list_of(keys: &[Vec<u8>]) -> (EntryTable, SkipList) {
        let (entries, list) = (EntryTable::new(SeqNo::ZERO), SkipList::default());
        for (id, key) in (1..).zip(keys) {
            entries.keep_bytes(id, key.clone());
            let entry = EncodedEntry::new(Kind::Put, 0, key, 0);
            entries.fill(id, id, &entry, 0, Link::NewChain);
            list.insert(&entries, RunSlot::new(&entries, id));
        }
        (entries, list)
    }

    /// The ids of all nodes from one on, by a step.
    fn walk(list: &SkipList, from: Node, step: impl Fn(Node) -> Node) -> Vec<EntryId> {
        std::iter::successors(Some(from), |node| Some(step(*node)))
            .take_while(|node| *node != END)
            .map(|node| list.slot(node).id)
            .collect()
    }

    proptest! {
        #[test]
        fn keys_are_found_and_walked_in_order_and_older_ones_passed(
            keys in prop::collection::vec(prop::collection::vec(0u8..4, 0..5), 0..200),
            sought in prop::collection::vec(0u8..4, 0..5),
            than in 0u32..220,
        ) {
            let (entries, list) = list_of(&keys);
            // Of one key the later node comes first.
            let mut ids: Vec<EntryId> = (1..).take(keys.len()).collect();
            ids.sort_by_key(|&id| (entries.key(id), std::cmp::Reverse(id)));
            prop_assert_eq!(&walk(&list, list.next(END), |node| list.next(node)), &ids);
            let index = ids.partition_point(|&id| entries.key(id) < &*sought);
            let target = (key_prefix(&sought), &*sought);
            prop_assert_eq!(&walk(&list, list.first_from(&entries, target), |node| list.next(node)), &ids[index..]);
            let before: Vec<EntryId> = ids[..index].iter().rev().copied().collect();
            prop_assert_eq!(walk(&list, list.last_before(&entries, target), |node| list.previous(node)), before);
            // From each node on: the next one that is newer, or where the sought key starts.
            let mut node = list.next(END);
            for (at, _) in ids.iter().enumerate() {
                for end in [None, Some(target)] {
                    let stop = end.map_or(ids.len(), |_| index.max(at + 1));
                    let expected = (at + 1..stop).find(|&at| ids[at] > than).unwrap_or(stop);
                    let found = list.id(list.first_newer(&entries, node, end, than));
                    prop_assert_eq!(found, ids.get(expected).copied().unwrap_or(0));
                }
                if at >= index {
                    let expected = (index..at).rfind(|&at| ids[at] > than).map_or(index, |at| at + 1);
                    let expected = expected.checked_sub(1).map_or(0, |at| ids[at]);
                    prop_assert_eq!(list.id(list.last_newer(&entries, node, target, than)), expected);
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
                    let (to, newest) = list.link(from, level);
                    let over = std::iter::successors(Some(list.next(from)), |node| Some(list.next(*node)));
                    let mut expected = 0;
                    for node in over {
                        expected = expected.max(list.id(node));
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
            let count = (1..=1 << 16).filter(|&id| height(id) > level).count();
            let expected = (1 << 16) >> (2 * level);
            assert!((expected * 7 / 10..=expected * 13 / 10 + 8).contains(&count), "level {level}: {count}");
        }
        assert_eq!((cells(1), cells(2), cells(5), cells(6)), (1, 2, 2, 3));
    }
}
