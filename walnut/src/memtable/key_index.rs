//! From a key to the number of its newest version: a table of words that is read while it is written to.
//!
//! ```text
//!   word = high half of the key's hash | number       0: free
//!
//!   | .. | a | b | 0 | .. |     a key stands at the place that its hash names, or behind it, before the next free word
//! ```
//!
//! 1. One thread writes at a time; a word goes from free to a key's, and from one version of a key to a newer one.
//! 2. A table that is half full is followed by one four times as large. Old ones stay until the memtable goes, as
//!    somebody may be reading in them; who was told of a commit finds it in the newest.

use super::entries::EntryId;
use crate::base::KeyHash;
use crate::sync::{AtomicU64, AtomicUsize, OnceLock, Ordering};

/// Words of the smallest table.
const MIN_SIZE: usize = 64;

/// Each table is four times as large as the one before, so these are more than a memtable has numbers.
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
    /// An empty one with room for so many keys.
    pub(super) fn new(expected_count: usize) -> Self {
        let tables = [const { OnceLock::new() }; TABLE_COUNT];
        let size = (2 * expected_count).next_power_of_two().clamp(MIN_SIZE, 1 << 24);
        tables[0].get_or_init(|| WordTable::new(size));
        Self { tables, current: AtomicUsize::new(0), key_count: AtomicUsize::new(0) }
    }

    /// How many keys there are.
    pub(super) fn key_count(&self) -> usize {
        self.key_count.load(Ordering::Relaxed)
    }

    /// The newest number of the key with this hash that `is_key` knows; 0 when there is none.
    #[inline]
    pub(super) fn find(&self, hash: KeyHash, is_key: impl Fn(EntryId) -> bool) -> EntryId {
        self.table().find(hash, is_key).1
    }

    /// Reads the word where a search for this hash begins.
    #[inline]
    pub(super) fn prefetch(&self, hash: KeyHash) -> u64 {
        let table = self.table();
        table.words[table.place_of(word(hash, 0))].load(Ordering::Relaxed)
    }

    /// Makes `number` the newest of its key, whose newest was `older`, or 0.
    pub(super) fn set(&self, hash: KeyHash, number: EntryId, older: EntryId) {
        let mut table = self.table();
        if older == 0 && 2 * self.key_count.fetch_add(1, Ordering::Relaxed) >= table.words.len() {
            table = self.grow(table);
        }
        // Of all words there is one with the older number at most, or a free one.
        let (place, _) = table.find(hash, |found| found == older);
        table.words[place].store(word(hash, number), Ordering::Release);
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
                    let place = table.free_from(table.place_of(stored));
                    table.words[place].store(stored, Ordering::Relaxed);
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

    /// The place of a key and its newest number, or that of the free word where it would stand, and 0.
    #[inline]
    fn find(&self, hash: KeyHash, is_key: impl Fn(EntryId) -> bool) -> (usize, EntryId) {
        let probe = word(hash, 0);
        let mut place = self.place_of(probe);
        loop {
            let found = self.words[place].load(Ordering::Acquire);
            if found == 0 {
                return (place, 0);
            }
            let number = number_in(found);
            if found ^ u64::from(number) == probe && is_key(number) {
                return (place, number);
            }
            place = (place + 1) & (self.words.len() - 1);
        }
    }

    fn free_from(&self, mut place: usize) -> usize {
        while self.words[place].load(Ordering::Relaxed) != 0 {
            place = (place + 1) & (self.words.len() - 1);
        }
        place
    }

    /// Where the search for a word begins.
    #[inline]
    fn place_of(&self, word: u64) -> usize {
        let place = ((word >> 32) * self.words.len() as u64) >> 32;
        usize::try_from(place).expect("less than the size")
    }
}

fn word(hash: KeyHash, number: EntryId) -> u64 {
    hash.0 & !u64::from(u32::MAX) | u64::from(number)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn number_in(word: u64) -> EntryId {
    word as EntryId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_with_its_newest_number_however_often_the_table_grew() {
        let newest = KeyIndex::new(0);
        // Hashes of few high halves, so that many keys meet.
        let hash = |key: u32| KeyHash(u64::from(key % 37) << 59 | u64::from(key));
        let find = |key: u32| newest.find(hash(key), |number| number % 1000 == key);
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
        assert_eq!((newest.key_count(), newest.find(hash(0), |number| number % 1000 == 0)), (999, 0));
    }
}
