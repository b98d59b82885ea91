//! A hash index from keys to their indexes in a list that the caller owns: a short array of words
//! when small, an open-addressing table when large.
//!
//! ```text
//!   word = high half of the key's hash | index + 1       0: free
//!
//!   | .. | a | b | 0 | .. |     linear probing: a word is at its home slot, or behind it,
//!                               before the next free slot
//! ```
//!
//! Two keys may have the same hash: the caller's `is_key` decides by comparing keys.

use smallvec::SmallVec;

use super::KeyHash;

/// Up to this many words are searched linearly, inline and without an allocation.
const FEW: usize = 8;

/// Words of the smallest table.
const MIN_SIZE: usize = 64;

/// At most one index per key.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashIndex {
    words: SmallVec<[u64; FEW]>,
    count: usize,
}

impl HashIndex {
    #[inline]
    pub(crate) fn find(&self, hash: KeyHash, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let is_key = |word: u64| is_of(word, hash) && is_key(index_in(word));
        if !self.is_table() {
            return self.words.iter().find(|word| is_key(**word)).map(|word| index_in(*word));
        }
        let found = self.words[self.probe(hash, is_key)];
        (found != 0).then(|| index_in(found))
    }

    /// Sets the index of the key with this hash and returns the previous one, for which `is_key` is
    /// true.
    pub(crate) fn replace(&mut self, hash: KeyHash, index: u32, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let (new, is_key) = (word(hash, index), |word: u64| is_of(word, hash) && is_key(index_in(word)));
        if self.is_table() {
            let at = self.probe(hash, is_key);
            let old = std::mem::replace(&mut self.words[at], new);
            if old != 0 {
                return Some(index_in(old));
            }
        } else {
            if let Some(old) = self.words.iter_mut().find(|word| is_key(**word)) {
                return Some(index_in(std::mem::replace(old, new)));
            }
            self.words.push(new);
        }
        self.count_one();
        None
    }

    /// Sets the index of the key with this hash unless it has one, for which `is_key` is true;
    /// returns whether it had none.
    pub(crate) fn insert_new(&mut self, hash: KeyHash, index: u32, is_key: impl Fn(u32) -> bool) -> bool {
        let (new, is_key) = (word(hash, index), |word: u64| is_of(word, hash) && is_key(index_in(word)));
        if self.is_table() {
            let at = self.probe(hash, is_key);
            if self.words[at] != 0 {
                return false;
            }
            self.words[at] = new;
        } else {
            if self.words.iter().any(|word| is_key(*word)) {
                return false;
            }
            self.words.push(new);
        }
        self.count_one();
        true
    }

    #[inline]
    fn count_one(&mut self) {
        self.count += 1;
        if self.is_table() && self.words.len() < 2 * self.count {
            self.grow();
        }
    }

    /// Undoes a `replace`: removes `index` from the key with this hash and restores the one before
    /// it, if there was one.
    pub(crate) fn restore(&mut self, hash: KeyHash, index: u32, before: Option<u32>) {
        let is_it = |found: u64| found == word(hash, index);
        let at = if self.is_table() {
            self.probe(hash, is_it)
        } else {
            self.words.iter().position(|found| is_it(*found)).unwrap_or(self.words.len())
        };
        match before {
            _ if self.words.get(at).is_none_or(|found| !is_it(*found)) => {}
            Some(before) => self.words[at] = word(hash, before),
            None => {
                self.count -= 1;
                if self.is_table() {
                    self.free(at);
                } else {
                    self.words.swap_remove(at);
                }
            }
        }
    }

    fn is_table(&self) -> bool {
        self.words.len() > FEW
    }

    /// The slot of the word for which `is_it` is true, or the free slot where it would be inserted.
    #[inline]
    fn probe(&self, hash: KeyHash, is_it: impl Fn(u64) -> bool) -> usize {
        let mut at = self.home(word(hash, 0));
        while self.words[at] != 0 && !is_it(self.words[at]) {
            at = self.next(at);
        }
        at
    }

    /// Frees a slot and shifts back the words behind it that linear probing would no longer reach.
    fn free(&mut self, mut hole: usize) {
        let mask = self.words.len() - 1;
        let mut at = self.next(hole);
        while self.words[at] != 0 {
            let distance_from = |index: usize| at.wrapping_sub(index) & mask;
            if distance_from(self.home(self.words[at])) >= distance_from(hole) {
                self.words[hole] = self.words[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.words[hole] = 0;
    }

    fn grow(&mut self) {
        let size = (4 * self.count).next_power_of_two().max(MIN_SIZE);
        let words = std::mem::replace(&mut self.words, SmallVec::from_elem(0, size));
        for word in words.into_iter().filter(|word| *word != 0) {
            let mut at = self.home(word);
            while self.words[at] != 0 {
                at = self.next(at);
            }
            self.words[at] = word;
        }
    }

    /// The slot at which probing for a word starts.
    #[inline]
    fn home(&self, word: u64) -> usize {
        let home = ((word >> 32) * self.words.len() as u64) >> 32;
        usize::try_from(home).expect("less than the size")
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.words.len() - 1)
    }
}

fn word(hash: KeyHash, index: u32) -> u64 {
    hash.0 & !u64::from(u32::MAX) | (u64::from(index) + 1)
}

#[inline]
fn is_of(word: u64, hash: KeyHash) -> bool {
    word >> 32 == hash.0 >> 32
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn index_in(word: u64) -> u32 {
    (word - 1) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_key_has_the_place_that_it_was_given_last_and_the_one_before_when_that_is_taken_away(
            keys in prop::collection::vec((0u32..150, any::<bool>()), 0..400),
        ) {
            // Keys of few hashes, so that many meet.
            let hash = |key: u32| KeyHash(u64::from(key % 37) << 59 | u64::from(key));
            let (mut index, mut list, mut model) = (HashIndex::default(), Vec::<(u32, Option<u32>)>::new(), HashMap::<u32, u32>::new());
            for (key, gives) in keys {
                if gives {
                    let ordinal = u32::try_from(list.len()).expect("few");
                    let before = index.replace(hash(key), ordinal, |found| list[found as usize].0 == key);
                    prop_assert_eq!(before, model.insert(key, ordinal));
                    list.push((key, before));
                } else if let Some((key, before)) = list.pop() {
                    let ordinal = model.remove(&key).expect("it was given");
                    index.restore(hash(key), ordinal, before);
                    model.extend(before.map(|before| (key, before)));
                }
                prop_assert_eq!(index.count, model.len());
            }
            for key in 0..150 {
                let found = index.find(hash(key), |found| list[found as usize].0 == key);
                prop_assert_eq!(found, model.get(&key).copied());
            }
        }
    }
}
