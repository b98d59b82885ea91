//! Writes over a pinned state: keys with their new values or removals, the last of each key, and
//! what stood there before.
//!
//! ```text
//!   bytes    | key value | key value | key | key value | ..      in the order of the writes
//!   list     |     0     |     1     |  2  |     3     | ..      where they lie; which write of the same key came before
//!   newest   from the hash of a key to its last write
//!   order    from a key to its last write; as far as a scan needed it
//! ```
//!
//! 1. A write is added at the end and changes nothing that stands before it, so to take back is to
//!    cut off the end.
//! 2. `order` knows the first `ordered` writes; the others enter it when a scan begins.
//!
//! Whoever writes pays for no order: a commit sorts once.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::base::{HashIndex, KeyHash, KeyPrefix, KeyRange, Kind, key_prefix, number_in};
use crate::batch::EntryBatch;

/// The most bytes that an entry takes in a commit beside its key and value: kind and two lengths.
pub(super) const ENTRY_OVERHEAD: usize = 11;

/// As long as so many bytes of writes were overwritten, they stay.
const WASTE_LIMIT: usize = 64 << 10;

/// The most bytes of memory that are taken before they are needed.
const RESERVE_LIMIT: usize = 8 << 20;

/// The bytes and the writes that there is room for with the first one: a row and its index entries
/// take that much as a rule.
const FIRST_ROOM: (usize, usize) = (512, 8);

/// So few writes of keys with the same head are compared as they are.
const FEW_ALIKE: usize = 4;

/// What is written under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write<'w> {
    /// A new value.
    Put(&'w [u8]),
    /// Its removal.
    Delete,
    /// So much more than the state below has.
    Add(i64),
}

/// The writes of an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes {
    bytes: Vec<u8>,
    list: Vec<Written>,
    newest: HashIndex,
    order: BTreeMap<Vec<u8>, u32>,
    /// How many writes `order` knows.
    ordered: usize,
    /// The most that the last write of each key takes in a commit, in bytes.
    size: usize,
}

/// A write, and where its key and its value are.
#[derive(Clone, Copy, Debug)]
struct Written {
    hash: KeyHash,
    key_offset: usize,
    key_size: u32,
    value_size: u32,
    kind: Kind,
    /// Whether no later one is of the same key.
    is_newest: bool,
    /// The one before it of the same key.
    older: Option<u32>,
}

impl Writes {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are, those of the same key included.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// The most that they take in a commit, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What was written last under a key, whose hash is given: a value, or its removal.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], hash: KeyHash) -> Option<Write<'_>> {
        let found = self.newest.find(hash, |place| self.key(place) == key)?;
        Some(self.value(found))
    }

    /// Adds a number to that of `key`: to what was written under it, or else to what the state
    /// below has.
    pub(super) fn add(&mut self, key: &[u8], delta: i64) {
        let (kind, sum) = match self.get(key, KeyHash::of(key)) {
            None => (Kind::Add, delta),
            Some(Write::Add(before)) => (Kind::Add, delta.wrapping_add(before)),
            Some(Write::Put(before)) => (Kind::Put, delta.wrapping_add(number_in(before).unwrap_or(0))),
            Some(Write::Delete) => (Kind::Put, delta),
        };
        self.push(key, kind, &sum.to_le_bytes());
    }

    /// Sets the value of `key`, or removes it.
    pub(super) fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let kind = if value.is_some() { Kind::Put } else { Kind::Delete };
        self.push(key, kind, value.unwrap_or_default());
    }

    fn push(&mut self, key: &[u8], kind: Kind, value: &[u8]) {
        let (hash, key_offset) = (KeyHash::of(key), self.bytes.len());
        let place = u32::try_from(self.list.len()).expect("so many writes do not fit into memory");
        let small =
            |size: usize| u32::try_from(size).expect("keys and values are limited to far below 4 GiB");
        let (list, bytes) = (&self.list, &self.bytes);
        let older = self.newest.replace(hash, place, |found| list[found as usize].key(bytes) == key);
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
        let written = Written {
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

    /// Makes room for so many times as much as there is, within reason.
    pub(super) fn reserve(&mut self, times: usize) {
        let within_reason = |count: usize, size: usize| count.saturating_mul(times).min(RESERVE_LIMIT / size);
        self.bytes.reserve(within_reason(self.bytes.len(), 1));
        self.list.reserve(within_reason(self.list.len(), size_of::<Written>()));
    }

    /// Takes back all but the first `count` writes.
    pub(super) fn truncate(&mut self, count: usize) {
        while self.list.len() > count {
            let Some(undone) = self.list.pop() else { return };
            let place = u32::try_from(self.list.len()).expect("it was the place of a write");
            self.newest.restore(undone.hash, place, undone.older);
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

    /// Whether so much was overwritten that it is worth [forgetting](Self::forget_overwritten).
    pub(super) fn is_wasteful(&self) -> bool {
        self.bytes.len() > 2 * self.size + WASTE_LIMIT
    }

    /// Keeps only the last write of each key. Places from before mean nothing afterwards.
    pub(super) fn forget_overwritten(&mut self) {
        let mut kept = Self::default();
        for (place, written) in (0..).zip(&self.list) {
            if written.is_newest {
                kept.push(self.key(place), written.kind, written.bytes(&self.bytes));
            }
        }
        *self = kept;
    }

    /// Has the order know all writes, as a scan wants it.
    pub(super) fn put_in_order(&mut self) {
        for place in self.ordered..self.list.len() {
            let key = self.list[place].key(&self.bytes).to_vec();
            self.order.insert(key, u32::try_from(place).expect("it is the place of a write"));
        }
        self.ordered = self.list.len();
    }

    /// Whether the order knows all writes.
    pub(super) fn is_in_order(&self) -> bool {
        self.ordered == self.list.len()
    }

    /// The writes in a range by key, each with its value unless it is a removal; all must be in
    /// order.
    pub(super) fn within<'w>(
        &'w self,
        range: &KeyRange,
    ) -> impl DoubleEndedIterator<Item = (&'w [u8], Write<'w>)> + use<'w> {
        debug_assert!(self.is_in_order(), "a scan sees all writes");
        let start = &*range.start;
        let end = range.end.as_deref().map_or(Bound::Unbounded, |end| Bound::Excluded(end.max(start)));
        let writes = self.order.range::<[u8], _>((Bound::Included(start), end));
        writes.map(|(key, place)| (key.as_slice(), self.value(*place)))
    }

    /// Adds the last write of each key to a batch, by key.
    pub(super) fn add_to(&self, batch: &mut EntryBatch) {
        let slot = |(place, written): (u32, &Written)| {
            written.is_newest.then(|| (key_prefix(written.key(&self.bytes)), place))
        };
        let mut slots = Vec::with_capacity(self.list.len());
        slots.extend((0..).zip(&self.list).filter_map(slot));
        self.sort(&mut slots, 0);
        batch.reserve(self.size);
        for (_, place) in slots {
            match self.value(place) {
                Write::Put(value) => batch.put(self.key(place), value),
                Write::Delete => batch.delete(self.key(place)),
                Write::Add(delta) => batch.add(self.key(place), delta),
            }
        }
    }

    /// Sorts writes by key, of which they share all that comes before an offset; the heads are
    /// those of what comes behind. Those that share the head, too, are sorted by what follows: so
    /// keys are looked at in turn, and numbers are compared.
    fn sort(&self, slots: &mut [(KeyPrefix, u32)], offset: usize) {
        slots.sort_unstable_by_key(|(head, _)| *head);
        let offset = offset + size_of::<KeyPrefix>();
        for alike in slots.chunk_by_mut(|(one, _), (other, _)| one == other) {
            if alike.len() < FEW_ALIKE {
                alike.sort_unstable_by(|(_, one), (_, other)| self.key(*one).cmp(self.key(*other)));
                continue;
            }
            let rests = alike.iter_mut().map(|(rest, place)| {
                let key = self.key(*place);
                *rest = key_prefix(key.get(offset..).unwrap_or_default());
                key.len()
            });
            if rests.max().is_some_and(|longest| longest > offset) {
                self.sort(alike, offset);
            } else {
                // What has ended differs in how many of the zeros at its end were its own.
                alike.sort_unstable_by_key(|(_, place)| self.key(*place).len());
            }
        }
    }

    fn key(&self, place: u32) -> &[u8] {
        self.list[place as usize].key(&self.bytes)
    }

    fn value(&self, place: u32) -> Write<'_> {
        self.list[place as usize].value(&self.bytes)
    }
}

impl Written {
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

    fn size(&self) -> usize {
        (self.key_size + self.value_size) as usize + ENTRY_OVERHEAD
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
            let mut writes = Writes::default();
            let mut model = BTreeMap::new();
            for (place, (shared, rest)) in keys.iter().enumerate() {
                let value = place.to_le_bytes();
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
