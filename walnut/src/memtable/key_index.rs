//! The memtable's hash index: from a key to its newest version, in an open-addressing table that is
//! read without a lock.
//!
//! ```text
//!   word = high half of the key's hash | entry id       0: free
//!
//!   | .. | a | b | 0 | .. |     linear probing: a word is at its home slot, or behind it,
//!                               before the next free slot
//! ```
//!
//! 1. One thread writes at a time; a word changes from free to a key's version, and from one
//!    version to a newer one.
//! 2. A table that is half full is followed by one four times as large. Old tables stay until the
//!    memtable is dropped, as readers may be using them; a reader that sees a commit finds it in
//!    the newest table.

use super::entries::EntryId;
use crate::base::KeyHash;
use crate::sync::{AtomicU64, AtomicUsize, OnceLock, Ordering};

/// Words of the smallest table.
const MIN_SIZE: usize = 64;

/// Each table is four times as large as the one before, so these are enough for all ids of a
/// memtable.
const TABLE_COUNT: usize = 16;

/// The newest version of each key.
#[derive(Debug)]
pub(super) struct KeyIndex {
    tables: [OnceLock<WordTable>; TABLE_COUNT],
    current: AtomicUsize,
    key_count: AtomicUsize,
}

#[derive(Debug)]
struct WordTable {
    words: Box<[AtomicU64]>,
}

impl KeyIndex {
    pub(super) fn new(expected_count: usize) -> Self {
        let tables = [const { OnceLock::new() }; TABLE_COUNT];
        let size = (2 * expected_count).next_power_of_two().clamp(MIN_SIZE, 1 << 24);
        tables[0].get_or_init(|| WordTable::new(size));
        Self { tables, current: AtomicUsize::new(0), key_count: AtomicUsize::new(0) }
    }

    pub(super) fn key_count(&self) -> usize {
        self.key_count.load(Ordering::Relaxed)
    }

    /// The newest version of the key with this hash for which `is_key` is true; 0 when there is
    /// none.
    #[inline]
    pub(super) fn find(&self, hash: KeyHash, is_key: impl Fn(EntryId) -> bool) -> EntryId {
        self.table().find(hash, is_key).1
    }

    /// Loads the word at which a search for this hash starts.
    #[inline]
    pub(super) fn prefetch(&self, hash: KeyHash) -> u64 {
        let table = self.table();
        table.words[table.home(word(hash, 0))].load(Ordering::Relaxed)
    }

    /// Makes `id` the newest version of its key, whose newest was `older` (0: none).
    pub(super) fn set(&self, hash: KeyHash, id: EntryId, older: EntryId) {
        let mut table = self.table();
        if older == 0 && 2 * self.key_count.fetch_add(1, Ordering::Relaxed) >= table.words.len() {
            table = self.grow(table);
        }
        // At most one word has the older id, or there is a free one.
        let (slot, _) = table.find(hash, |found| found == older);
        table.words[slot].store(word(hash, id), Ordering::Release);
    }

    fn table(&self) -> &WordTable {
        let current = self.current.load(Ordering::Acquire);
        self.tables[current].get().expect("a table is made before it is named")
    }

    fn grow(&self, old: &WordTable) -> &WordTable {
        let next = self.current.load(Ordering::Relaxed) + 1;
        let table = self.tables[next].get_or_init(|| {
            let table = WordTable::new(4 * old.words.len());
            for stored in &old.words {
                let stored = stored.load(Ordering::Relaxed);
                if stored != 0 {
                    let slot = table.free_from(table.home(stored));
                    table.words[slot].store(stored, Ordering::Relaxed);
                }
            }
            table
        });
        self.current.store(next, Ordering::Release);
        table
    }
}

impl WordTable {
    fn new(size: usize) -> Self {
        Self { words: (0..size).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The slot of a key and its newest id, or the free slot where it would be inserted, and 0.
    #[inline]
    fn find(&self, hash: KeyHash, is_key: impl Fn(EntryId) -> bool) -> (usize, EntryId) {
        let probe = word(hash, 0);
        let mut slot = self.home(probe);
        loop {
            let found = self.words[slot].load(Ordering::Acquire);
            if found == 0 {
                return (slot, 0);
            }
            let id = id_in(found);
            if found ^ u64::from(id) == probe && is_key(id) {
                return (slot, id);
            }
            slot = (slot + 1) & (self.words.len() - 1);
        }
    }

    fn free_from(&self, mut slot: usize) -> usize {
        while self.words[slot].load(Ordering::Relaxed) != 0 {
            slot = (slot + 1) & (self.words.len() - 1);
        }
        slot
    }

    /// The slot at which probing for a word starts.
    #[inline]
    fn home(&self, word: u64) -> usize {
        let slot = ((word >> 32) * self.words.len() as u64) >> 32;
        usize::try_from(slot).expect("less than the size")
    }
}

fn word(hash: KeyHash, id: EntryId) -> u64 {
    hash.0 & !u64::from(u32::MAX) | u64::from(id)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn id_in(word: u64) -> EntryId {
    word as EntryId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_with_its_newest_number_however_often_the_table_grew() {
        let newest = KeyIndex::new(0);
        // Hashes of few high halves, so that many keys collide.
        let hash = |key: u32| KeyHash(u64::from(key % 37) << 59 | u64::from(key));
        let find = |key: u32| newest.find(hash(key), |id| id % 1000 == key);
        for round in 0..3 {
            for key in 1..1000 {
                let older = find(key);
                assert_eq!(older, if round == 0 { 0 } else { (round - 1) * 1000 + key });
                newest.set(hash(key), round * 1000 + key, older);
            }
        }
        for key in 1..1000 {
            assert_eq!(find(key), 2000 + key);
        }
        assert_eq!((newest.key_count(), newest.find(hash(0), |id| id % 1000 == 0)), (999, 0));
    }
}
