//! Merge operands in a memtable: each add is folded, as it is inserted, with the older versions of
//! its key here.
//!
//! ```text
//!   inserted    add 5     add 2     add -1             put 40    add 2        delete    add 3
//!   kept        add 5     add 7     add 6              put 40    put 42       delete    put 3
//!   flushed     add 5     add 2     add -1
//! ```
//!
//! 1. A stored add includes all older adds of its key in this memtable, and has no other version
//!    below it here. So a reader takes one version of a key from a memtable, however often it was
//!    added to, and continues in the next container.
//! 2. An add above any other version is stored as a put, because no version below that counts.
//! 3. A flush writes the difference between each add and the version below it: in SSTs adds are
//!    independent.
//!
//! The sum takes the place of the delta in the bytes of the batch, which are in the log already.
//! Where an entry before an add in its batch may be of the same key, the sum has bytes of its own.

use smallvec::SmallVec;

use super::{EntryId, Memtable, MemtableCursor};
use crate::base::{CoveredSpan, EncodedEntry, Entry, Kind, Operand, SealedBatch, SeqNo, number_in};
use crate::cursor::EntryCursor;
use crate::error::Result;

/// The maximum number of keys of one batch whose adds are folded in place.
const MAX_IN_PLACE: usize = 4;

/// The maximum number of entries that are checked for another one of the key of an add.
const MAX_CHECKED_FOR_KEY: usize = 4096;

impl Memtable {
    /// Folds adds of a batch that is about to be inserted in the bytes of the batch: those of the
    /// first few keys, unless another entry before them in the batch may be of the key.
    /// [`fold_add`](Self::fold_add) folds the others.
    ///
    /// Cost: a hash index probe for each such key, not for each add.
    pub(super) fn fold_in_place(&self, batch: &mut SealedBatch) {
        let SealedBatch { bytes, entries, .. } = batch;
        let mut sums: SmallVec<[(usize, Operand); MAX_IN_PLACE]> = SmallVec::new();
        let mut checked = 0;
        for at in 0..entries.len() {
            let entry = entries[at];
            match entry.kind {
                Kind::RangeDelete => return,
                Kind::Add => {}
                Kind::Put | Kind::Delete | Kind::Pointer => {
                    sums.retain(|(first, _)| entries[*first].hash != entry.hash);
                    continue;
                }
            }
            let key = &bytes[entry.key_range()];
            let delta = number_in(&bytes[entry.value_range()]).unwrap_or(0);
            let is_same = |&&mut (first, _): &&mut (usize, Operand)| {
                entries[first].hash == entry.hash && bytes[entries[first].key_range()] == *key
            };
            let sum = if let Some((_, sum)) = sums.iter_mut().find(is_same) {
                *sum = sum.plus(delta);
                *sum
            } else {
                checked += at;
                if sums.len() == MAX_IN_PLACE
                    || checked > MAX_CHECKED_FOR_KEY
                    || entries[..at].iter().any(|other| other.hash == entry.hash)
                {
                    continue;
                }
                let older = self.index.find(entry.hash, |found| self.entries.key(found) == key);
                let sum = self.below_add(key, older).plus(delta);
                sums.push((at, sum));
                sum
            };
            let (kind, number) = stored_sum(sum);
            bytes[entry.value_range()].copy_from_slice(&number);
            entries[at] = EncodedEntry { kind, is_folded: true, ..entry };
        }
    }

    /// The entry to store for an add, above the version `older` (0: none), and the id of the bytes
    /// that hold it.
    #[cold]
    pub(super) fn fold_add(
        &self,
        add: &EncodedEntry,
        buffer: u32,
        older: EntryId,
        buffer_count: &mut u32,
    ) -> (u32, EncodedEntry) {
        let key = self.entries.key_in(buffer, add);
        let delta = number_in(self.entries.value_in(buffer, add)).unwrap_or(0);
        let (kind, sum) = stored_sum(self.below_add(key, older).plus(delta));
        let mut bytes = Vec::with_capacity(key.len() + sum.len());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&sum);
        let buffer = *buffer_count;
        *buffer_count += 1;
        self.entries.keep_bytes(buffer, bytes);
        (buffer, EncodedEntry { key_offset: 0, kind, ..*add })
    }

    /// What an add to `key` is added to in this memtable, whose newest version of it is `older` (0:
    /// none).
    fn below_add(&self, key: &[u8], older: EntryId) -> Operand {
        let gone = self.covering(key, SeqNo::MAX);
        if older == 0 {
            return if gone.is_some() { Operand::Base(0) } else { Operand::Delta(0) };
        }
        let below = self.entries.entry(older);
        if gone < Some(below.seqno) { below.operand() } else { Operand::Base(0) }
    }
}

fn stored_sum(sum: Operand) -> (Kind, [u8; 8]) {
    match sum {
        Operand::Delta(sum) => (Kind::Add, sum.to_le_bytes()),
        Operand::Base(sum) => (Kind::Put, sum.to_le_bytes()),
    }
}

impl MemtableCursor {
    /// The difference between the current add and the version below it; `None` on another entry.
    fn delta(&self) -> Option<i64> {
        let (add, below) = self.entry_and_older()?;
        let Operand::Delta(sum) = add.operand() else { return None };
        match below.map(|below| below.operand()) {
            Some(Operand::Delta(below)) => Some(sum.wrapping_sub(below)),
            _ => Some(sum),
        }
    }
}

/// The entries of a memtable with adds as SSTs store them.
#[derive(Debug)]
pub(crate) struct DeltaCursor {
    cursor: MemtableCursor,
    /// The delta of the current entry, if it is an add.
    delta: Option<[u8; 8]>,
}

impl DeltaCursor {
    pub(crate) fn new(cursor: MemtableCursor) -> Self {
        let mut cursor = Self { cursor, delta: None };
        cursor.update_delta();
        cursor
    }

    fn update_delta(&mut self) {
        let is_add = self.cursor.entry().is_some_and(|entry| entry.kind == Kind::Add);
        self.delta = if is_add { self.cursor.delta().map(i64::to_le_bytes) } else { None };
    }
}

impl EntryCursor for DeltaCursor {
    fn entry(&self) -> Option<Entry<'_>> {
        let entry = self.cursor.entry()?;
        Some(self.delta.as_ref().map_or(entry, |delta| Entry { value: delta, ..entry }))
    }

    fn advance(&mut self) -> Result<()> {
        self.cursor.advance()?;
        self.update_delta();
        Ok(())
    }

    fn pass_older(&mut self, span: &CoveredSpan, than: SeqNo) -> Result<bool> {
        let skipped = self.cursor.pass_older(span, than)?;
        self.update_delta();
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::base::SealedBatch;
    use crate::base::{Fragment, KeyHash, KeyRange};
    use crate::cursor::Direction;
    use crate::sync::Arc;

    #[derive(Clone, Debug)]
    enum Deed {
        Add(u8, i64),
        Put(u8, Vec<u8>),
        Delete(u8),
        Clear(u8, u8),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let key = || 0u8..3;
        prop_oneof![
            6 => (key(), any::<i64>()).prop_map(|(key, delta)| Deed::Add(key, delta)),
            1 => (key(), any::<i64>()).prop_map(|(key, id)| Deed::Put(key, id.to_le_bytes().to_vec())),
            1 => (key(), prop::collection::vec(any::<u8>(), 0..12)).prop_map(|(key, value)| Deed::Put(key, value)),
            1 => key().prop_map(Deed::Delete),
            1 => (key(), 1u8..4).prop_map(|(key, end)| Deed::Clear(key, end)),
        ]
    }

    fn batch(deeds: &[Deed]) -> SealedBatch {
        let (mut bytes, mut encoded) = (Vec::new(), Vec::new());
        for deed in deeds {
            let (kind, key, value) = match deed {
                Deed::Add(key, delta) => (Kind::Add, *key, delta.to_le_bytes().to_vec()),
                Deed::Put(key, value) => (Kind::Put, *key, value.clone()),
                Deed::Delete(key) => (Kind::Delete, *key, Vec::new()),
                Deed::Clear(key, end) => (Kind::RangeDelete, *key, vec![*end]),
            };
            encoded.push(EncodedEntry::new(kind, bytes.len(), &[key], value.len()));
            bytes.push(key);
            bytes.extend_from_slice(&value);
        }
        SealedBatch::new(bytes, encoded)
    }

    /// What a container knows of each key: a part of its sum if it was only added to, or its value
    /// if it has one.
    type Known = BTreeMap<u8, Fate>;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Fate {
        Gone,
        Sum(Operand),
    }

    fn apply(known: &mut Known, deed: &Deed) {
        match deed {
            Deed::Add(key, delta) => {
                let sum = match known.get(key) {
                    None => Operand::Delta(*delta),
                    Some(Fate::Gone) => Operand::Base(*delta),
                    Some(Fate::Sum(Operand::Delta(sum))) => Operand::Delta(sum.wrapping_add(*delta)),
                    Some(Fate::Sum(Operand::Base(sum))) => Operand::Base(sum.wrapping_add(*delta)),
                };
                known.insert(*key, Fate::Sum(sum));
            }
            Deed::Put(key, value) => {
                known.insert(*key, Fate::Sum(Operand::Base(number_in(value).unwrap_or(0))));
            }
            Deed::Delete(key) => {
                known.insert(*key, Fate::Gone);
            }
            Deed::Clear(start, end) => known.extend((*start..*end).map(|key| (key, Fate::Gone))),
        }
    }

    /// What SSTs with these entries, in an SST's order, and range tombstones say of a key.
    fn folded(entries: &[(u8, u64, Operand, bool)], ranges: &[Fragment], key: u8, at: u64) -> Option<Fate> {
        let gone =
            ranges.iter().filter(|range| *range.start <= *[key].as_slice() && *[key].as_slice() < *range.end);
        let gone =
            gone.flat_map(|range| &range.seqnos).map(|seqno| seqno.0).filter(|&seqno| seqno <= at).max();
        let mut sum: Option<i64> = None;
        for &(_, seqno, part, is_value) in entries.iter().filter(|entry| entry.0 == key && entry.1 <= at) {
            if gone > Some(seqno) {
                break;
            }
            match part {
                Operand::Delta(delta) => sum = Some(sum.unwrap_or(0).wrapping_add(delta)),
                Operand::Base(_) if sum.is_none() && !is_value => return Some(Fate::Gone),
                Operand::Base(base) => {
                    return Some(Fate::Sum(Operand::Base(sum.unwrap_or(0).wrapping_add(base))));
                }
            }
        }
        match sum {
            Some(sum) if gone.is_some() => Some(Fate::Sum(Operand::Base(sum))),
            Some(sum) => Some(Fate::Sum(Operand::Delta(sum))),
            None => gone.map(|_| Fate::Gone),
        }
    }

    proptest! {
        #[test]
        fn one_version_says_all_that_a_memtable_knows_of_a_sum_and_its_entries_in_a_file_say_the_same(
            deeds in prop::collection::vec(deed(), 1..50),
            size in 1usize..8,
        ) {
            let memtable = Arc::new(Memtable::new(SeqNo::ZERO));
            let mut first = 1;
            for deeds in deeds.chunks(size) {
                memtable.insert(batch(deeds), SeqNo(first));
                first += deeds.len() as u64;
            }
            let cursor = MemtableCursor::new(Arc::clone(&memtable), &KeyRange::all(), Direction::Forward);
            let mut cursor = DeltaCursor::new(cursor);
            let mut entries = Vec::new();
            while let Some(entry) = cursor.entry() {
                entries.push((entry.key[0], entry.seqno.0, entry.operand(), entry.kind.is_value()));
                cursor.advance().expect("it is in memory");
            }
            let ranges: Vec<Fragment> = memtable.range_tombstones(|seqno| seqno).into_iter().flatten().collect();
            let mut known = Known::new();
            for (at, deed) in (1..).zip(&deeds) {
                apply(&mut known, deed);
                for key in 0..3 {
                    let gone = memtable.covering(&[key], SeqNo(at));
                    let found = memtable.get(&[key], KeyHash::of(&[key]), SeqNo(at), |entry| {
                        let is_there = gone < Some(entry.seqno) && entry.kind.is_value();
                        if is_there { Fate::Sum(entry.operand()) } else { Fate::Gone }
                    });
                    let found = found.or(gone.map(|_| Fate::Gone));
                    prop_assert_eq!(found, known.get(&key).copied(), "key {} at {}", key, at);
                    prop_assert_eq!(folded(&entries, &ranges, key, at), known.get(&key).copied(), "key {} at {} in a file", key, at);
                }
            }
        }
    }
}
