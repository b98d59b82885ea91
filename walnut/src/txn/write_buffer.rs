//! The write buffer of a transaction: the last write of each key, and the writes that it replaced.
//!
//! ```text
//!   bytes    | key value | key value | key | key value | ..      in the order of the writes
//!   list     |     0     |     1     |  2  |     3     | ..      their offsets, and the previous write of the same key
//!   newest   hash of a key -> its last write
//!   order    key -> its last write; as far as a scan needed it
//! ```
//!
//! 1. A write is appended and changes no earlier one, so a rollback truncates.
//! 2. `order` has the first `ordered` writes; the others are added when a scan begins.
//!
//! Writes alone pay for no order: a commit sorts once.

use std::collections::BTreeMap;
use std::ops::Bound;

use smallvec::SmallVec;

use crate::base::{HashIndex, KeyHash, KeyPrefix, KeyRange, Kind, key_prefix, number_in};
use crate::batch::EntryBatch;
use crate::codec::varint_size;

/// The most bytes that an entry takes in a commit beside its key and value: kind and two lengths.
pub(super) const ENTRY_OVERHEAD: usize = 11;

/// Bytes of overwritten versions that are kept before they are dropped.
const WASTE_LIMIT: usize = 64 << 10;

/// The most bytes that are allocated ahead of need.
const RESERVE_LIMIT: usize = 8 << 20;

/// Capacity in bytes and writes at the first write: usually enough for a row and its index entries.
const FIRST_ROOM: (usize, usize) = (512, 8);

/// Fewer writes than this with one key prefix are compared directly.
const FEW_ALIKE: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write<'w> {
    Put(&'w [u8]),
    Delete,
    /// A delta to the snapshot's value.
    Add(i64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct WriteBuffer {
    bytes: Vec<u8>,
    list: Vec<WriteSlot>,
    newest: HashIndex,
    order: BTreeMap<Vec<u8>, u32>,
    /// The number of writes in `order`.
    ordered: usize,
    /// The most that the last write of each key takes in a commit, in bytes.
    size: usize,
    counters: Counters,
}

#[derive(Clone, Copy, Debug)]
struct WriteSlot {
    hash: KeyHash,
    key_offset: usize,
    key_size: u32,
    value_size: u32,
    kind: Kind,
    is_newest: bool,
    /// The previous write of the same key.
    older: Option<u32>,
}

impl WriteBuffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.counters.is_empty()
    }

    /// The number of writes, overwritten ones included.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// The most bytes that they take in a commit.
    pub(super) fn size(&self) -> usize {
        self.size + self.counters.size()
    }

    /// Adds to counters.
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// The sum of the adds to a counter.
    pub(super) fn counted(&self, key: CounterKey) -> i64 {
        self.counters.sum(key)
    }

    /// The last write of a key, whose hash is given.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], hash: KeyHash) -> Option<Write<'_>> {
        let found = self.newest.find(hash, |index| self.key(index) == key)?;
        Some(self.value(found))
    }

    /// Adds a number to what was written under `key`, or to the snapshot's value.
    pub(super) fn add(&mut self, key: &[u8], delta: i64) {
        let (kind, sum) = match self.get(key, KeyHash::of(key)) {
            None => (Kind::Add, delta),
            Some(Write::Add(before)) => (Kind::Add, delta.wrapping_add(before)),
            Some(Write::Put(before)) => (Kind::Put, delta.wrapping_add(number_in(before).unwrap_or(0))),
            Some(Write::Delete) => (Kind::Put, delta),
        };
        self.push(key, kind, &sum.to_le_bytes());
    }

    pub(super) fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let kind = if value.is_some() { Kind::Put } else { Kind::Delete };
        self.push(key, kind, value.unwrap_or_default());
    }

    fn push(&mut self, key: &[u8], kind: Kind, value: &[u8]) {
        let (hash, key_offset) = (KeyHash::of(key), self.bytes.len());
        let index = u32::try_from(self.list.len()).expect("so many writes do not fit into memory");
        let small =
            |size: usize| u32::try_from(size).expect("keys and values are limited to far below 4 GiB");
        let (list, bytes) = (&self.list, &self.bytes);
        let older = self.newest.replace(hash, index, |found| list[found as usize].key(bytes) == key);
        if let Some(older) = older {
            self.size -= self.list[older as usize].size();
            self.list[older as usize].is_newest = false;
        }
        if self.list.is_empty() {
            self.bytes.reserve(FIRST_ROOM.0);
            self.list.reserve(FIRST_ROOM.1);
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        let written = WriteSlot {
            hash,
            key_offset,
            key_size: small(key.len()),
            value_size: small(value.len()),
            kind,
            is_newest: true,
            older,
        };
        self.size += written.size();
        self.list.push(written);
    }

    /// Reserves `times` the present size, up to a limit.
    pub(super) fn reserve(&mut self, times: usize) {
        let within_reason = |count: usize, size: usize| count.saturating_mul(times).min(RESERVE_LIMIT / size);
        self.bytes.reserve(within_reason(self.bytes.len(), 1));
        self.list.reserve(within_reason(self.list.len(), size_of::<WriteSlot>()));
    }

    /// Undoes all but the first `count` writes.
    pub(super) fn truncate(&mut self, count: usize) {
        while self.list.len() > count {
            let Some(undone) = self.list.pop() else { return };
            let index = u32::try_from(self.list.len()).expect("it was the index of a write");
            self.newest.restore(undone.hash, index, undone.older);
            self.size -= undone.size();
            if let Some(older) = undone.older {
                let older = &mut self.list[older as usize];
                older.is_newest = true;
                self.size += older.size();
            }
            if self.ordered > self.list.len() {
                self.ordered = self.list.len();
                let key = undone.key(&self.bytes);
                match undone.older {
                    Some(older) => drop(self.order.insert(key.to_vec(), older)),
                    None => drop(self.order.remove(key)),
                }
            }
            self.bytes.truncate(undone.key_offset);
        }
    }

    /// Whether enough was overwritten to be [dropped](Self::drop_overwritten).
    pub(super) fn is_wasteful(&self) -> bool {
        self.bytes.len() > 2 * self.size + WASTE_LIMIT
    }

    /// Keeps only the last write of each key. Earlier counts are invalid afterwards.
    pub(super) fn drop_overwritten(&mut self) {
        let mut kept = Self { counters: std::mem::take(&mut self.counters), ..Self::default() };
        for (index, written) in (0..).zip(&self.list) {
            if written.is_newest {
                kept.push(self.key(index), written.kind, written.bytes(&self.bytes));
            }
        }
        *self = kept;
    }

    /// Adds all writes to `order`, for a scan.
    pub(super) fn build_order(&mut self) {
        for index in self.ordered..self.list.len() {
            let key = self.list[index].key(&self.bytes).to_vec();
            self.order.insert(key, u32::try_from(index).expect("it is the index of a write"));
        }
        self.ordered = self.list.len();
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.ordered == self.list.len()
    }

    /// The writes of a range by key. All must be in `order`.
    pub(super) fn within<'w>(
        &'w self,
        range: &KeyRange,
    ) -> impl DoubleEndedIterator<Item = (&'w [u8], Write<'w>)> + use<'w> {
        debug_assert!(self.is_ordered(), "a scan sees all writes");
        let start = &*range.start;
        let end = range.end.as_deref().map_or(Bound::Unbounded, |end| Bound::Excluded(end.max(start)));
        let writes = self.order.range::<[u8], _>((Bound::Included(start), end));
        writes.map(|(key, index)| (key.as_slice(), self.value(*index)))
    }

    /// Adds the last write of each key to a batch, sorted by key.
    pub(super) fn add_to(&self, batch: &mut EntryBatch) {
        let slot = |(index, written): (u32, &WriteSlot)| {
            written.is_newest.then(|| (key_prefix(written.key(&self.bytes)), index))
        };
        let mut slots = Vec::with_capacity(self.list.len());
        slots.extend((0..).zip(&self.list).filter_map(slot));
        self.sort(&mut slots, 0);
        let size = slots.iter().map(|(_, index)| self.list[*index as usize].encoded_size()).sum::<usize>();
        batch.reserve(size + self.counters.size(), slots.len() + self.counters.count());
        self.counters.add_to(batch);
        for (_, index) in slots {
            let written = &self.list[index as usize];
            batch.write(written.kind, written.key(&self.bytes), written.hash, written.bytes(&self.bytes));
        }
    }

    /// A radix sort by key prefixes: all keys share the bytes before `offset`, and the prefixes are
    /// those of the bytes behind it. Numbers are compared instead of keys.
    fn sort(&self, slots: &mut [(KeyPrefix, u32)], offset: usize) {
        slots.sort_unstable_by_key(|(head, _)| *head);
        let offset = offset + size_of::<KeyPrefix>();
        for alike in slots.chunk_by_mut(|(one, _), (other, _)| one == other) {
            if alike.len() < FEW_ALIKE {
                alike.sort_unstable_by(|(_, one), (_, other)| self.key(*one).cmp(self.key(*other)));
                continue;
            }
            let rests = alike.iter_mut().map(|(rest, index)| {
                let key = self.key(*index);
                *rest = key_prefix(key.get(offset..).unwrap_or_default());
                key.len()
            });
            if rests.max().is_some_and(|longest| longest > offset) {
                self.sort(alike, offset);
            } else {
                // Keys that have ended differ in the number of zero bytes at their end.
                alike.sort_unstable_by_key(|(_, index)| self.key(*index).len());
            }
        }
    }

    fn key(&self, index: u32) -> &[u8] {
        self.list[index as usize].key(&self.bytes)
    }

    fn value(&self, index: u32) -> Write<'_> {
        self.list[index as usize].value(&self.bytes)
    }
}

impl WriteSlot {
    #[inline]
    fn key<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[self.key_offset..][..self.key_size as usize]
    }

    #[inline]
    fn bytes<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[self.key_offset + self.key_size as usize..][..self.value_size as usize]
    }

    #[inline]
    fn value<'b>(&self, bytes: &'b [u8]) -> Write<'b> {
        match self.kind {
            Kind::Put => Write::Put(self.bytes(bytes)),
            Kind::Add => Write::Add(number_in(self.bytes(bytes)).unwrap_or(0)),
            Kind::Delete | Kind::Pointer | Kind::RangeDelete => Write::Delete,
        }
    }

    /// The size in a commit, in bytes.
    fn encoded_size(&self) -> usize {
        let value_size = match self.kind {
            Kind::Delete | Kind::Add => 0,
            Kind::Put | Kind::Pointer | Kind::RangeDelete => varint_size(self.value_size.into()),
        };
        1 + varint_size(self.key_size.into()) + value_size + (self.key_size + self.value_size) as usize
    }

    fn size(&self) -> usize {
        (self.key_size + self.value_size) as usize + ENTRY_OVERHEAD
    }
}

pub(crate) type CounterKey = [u8; 8];

/// Adds to counters: keys to which nearly every commit of a kind adds, and which are never written
/// otherwise. So the adds need no hash and no order: a list of sums is enough, and a roll-back
/// truncates it as it truncates the writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// After each add, the sum of all adds to its key.
    sums: SmallVec<[(CounterKey, i64); 2]>,
}

impl Counters {
    /// The number of adds that a roll-back can undo.
    pub(super) fn count(&self) -> usize {
        self.sums.len()
    }

    /// Whether a commit has nothing to add.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// The maximum size of the adds in a commit, in bytes.
    pub(super) fn size(&self) -> usize {
        self.sums.len() * (2 + size_of::<CounterKey>() + size_of::<i64>())
    }

    /// What was added to `key`.
    pub(super) fn sum(&self, key: CounterKey) -> i64 {
        self.sums.iter().rev().find(|(known, _)| *known == key).map_or(0, |(_, sum)| *sum)
    }

    pub(super) fn add(&mut self, key: CounterKey, delta: i64) {
        let sum = self.sum(key).wrapping_add(delta);
        self.sums.push((key, sum));
    }

    /// Undoes all but the first `count` adds.
    pub(super) fn truncate(&mut self, count: usize) {
        self.sums.truncate(count);
    }

    /// Keeps one sum of each key. Counts from before mean nothing afterwards.
    pub(super) fn compact(&mut self) {
        let mut kept: SmallVec<[(CounterKey, i64); 2]> = SmallVec::new();
        for (key, sum) in self.sums.drain(..) {
            match kept.iter_mut().find(|(known, _)| *known == key) {
                Some((_, last)) => *last = sum,
                None => kept.push((key, sum)),
            }
        }
        self.sums = kept;
    }

    pub(super) fn add_to(&self, batch: &mut EntryBatch) {
        for (at, (key, sum)) in self.sums.iter().enumerate() {
            let is_last = self.sums[at + 1..].iter().all(|(later, _)| later != key);
            if is_last && *sum != 0 {
                batch.add(key, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_commit_has_its_keys_in_order_whatever_they_share(
            keys in prop::collection::vec((0usize..3, prop::collection::vec(0u8..2, 0..36)), 0..120),
        ) {
            let mut writes = WriteBuffer::default();
            let mut model = BTreeMap::new();
            for (index, (shared, rest)) in keys.iter().enumerate() {
                let value = index.to_le_bytes();
                let key = [&[7; 40][..16 * shared], rest].concat();
                writes.write(&key, Some(&value));
                model.insert(key, value);
            }
            let mut batch = EntryBatch::new();
            writes.add_to(&mut batch);
            let written: Vec<_> = batch.iter().map(|(_, key, value)| (key, value)).collect();
            let expected: Vec<_> = model.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            prop_assert_eq!(written, expected);
        }
    }
}
