//! The entries of a row in one index.
//!
//! ```text
//!   part  part  finish               one entry
//!   part  each  part  finish         as many as the collection has elements, with the parts before and after in each
//!   part  leave_out  finish          none
//! ```

use smallvec::SmallVec;

use super::elements::Elements;
use super::encoding::{Encoding, Plain};
use crate::table::key::{Key, KeyWriter};
use crate::table::row::MAX_ROW_SIZE;

/// Takes the entries that a row has in one index: for each entry its parts, then
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct IndexEntries {
    entry: IndexEntry,
    /// One entry for each element, once a part was a collection; replaces `entry`.
    branches: Option<Vec<IndexEntry>>,
    finished: SmallVec<[IndexEntry; 1]>,
    /// The prefix of every key.
    prefix: SmallVec<[u8; 4]>,
}

#[derive(Clone, Debug)]
pub(crate) struct IndexEntry {
    pub(crate) key: KeyWriter,
    /// Whether a part is missing, so that a unique index allows it any number of times.
    pub(crate) has_none: bool,
}

impl IndexEntry {
    fn new(prefix: &[u8]) -> Self {
        Self { key: KeyWriter::new(prefix), has_none: false }
    }

    fn add(&mut self, is_none: bool, put: impl FnOnce(&mut KeyWriter)) {
        self.has_none |= is_none;
        put(&mut self.key);
    }
}

impl IndexEntries {
    /// `prefix` does not count against the limit of a key.
    pub(crate) fn new(prefix: &[u8]) -> Self {
        Self {
            entry: IndexEntry::new(prefix),
            branches: None,
            finished: SmallVec::new(),
            prefix: SmallVec::from_slice(prefix),
        }
    }

    /// Adds the next part of the entry.
    pub fn part<K: Key>(&mut self, part: &K) {
        self.encoded::<Plain, K>(part);
    }

    /// Adds the next part of the entry in an encoding.
    pub(crate) fn encoded<F: Encoding<V>, V>(&mut self, value: &V) {
        self.put(F::is_none(value), |out| F::encode(value, out));
    }

    /// Adds the next part of the entry through a function that writes it.
    pub(in crate::table) fn put(&mut self, is_none: bool, put: impl Fn(&mut KeyWriter)) {
        match &mut self.branches {
            None => self.entry.add(is_none, put),
            Some(branches) => branches.iter_mut().for_each(|entry| entry.add(is_none, &put)),
        }
    }

    /// Adds the next part of the entry, once for each element. Together the elements take at most
    /// as many bytes as a row.
    pub(crate) fn each<F: Encoding<C::Element>, C: Elements>(&mut self, collection: &C) {
        self.put_each(
            collection.elements(),
            |element| F::is_none(element),
            |element, out| F::encode(element, out),
        );
    }

    /// The same through functions that say whether an element is missing, and write it.
    pub(in crate::table) fn put_each<E>(
        &mut self,
        elements: impl Iterator<Item = E>,
        is_none: impl Fn(&E) -> bool,
        put: impl Fn(&E, &mut KeyWriter),
    ) {
        let before = self.branches.take().unwrap_or_else(|| vec![self.entry.clone()]);
        let mut branches = Vec::new();
        let mut size = 0;
        for element in elements {
            for entry in &before {
                let mut entry = entry.clone();
                entry.add(is_none(&element), |out| put(&element, out));
                size += entry.key.size();
                if size > MAX_ROW_SIZE {
                    entry.key.exceed(size, MAX_ROW_SIZE);
                    self.branches = Some(vec![entry]);
                    return;
                }
                branches.push(entry);
            }
        }
        self.branches = Some(branches);
    }

    /// Drops the entry that was begun.
    pub(crate) fn leave_out(&mut self) {
        self.branches = Some(Vec::new());
    }

    /// Ends the entry.
    #[inline]
    pub fn finish(&mut self) {
        let entry = std::mem::replace(&mut self.entry, IndexEntry::new(&self.prefix));
        match self.branches.take() {
            None => self.finished.push(entry),
            Some(branches) => self.finished.extend(branches),
        }
    }

    /// Ends the entry, of which nothing is kept when a part is missing: `sparse`.
    pub fn finish_sparse(&mut self) {
        let before = self.finished.len();
        self.finish();
        let mut ordinal = 0;
        self.finished.retain(|entry| {
            ordinal += 1;
            ordinal <= before || !entry.has_none
        });
    }

    #[inline]
    pub(crate) fn take(self) -> SmallVec<[IndexEntry; 1]> {
        self.finished
    }
}
