//! The write batch: collects the operations of one commit.

use super::format::{BatchEntry, put_entry};
use crate::base::{EncodedEntry, KeyHash, Kind};

/// The maximum number of range tombstones in one commit. The memtable keeps them sorted for every
/// read, which becomes expensive when a commit adds many.
pub(crate) const MAX_RANGE_COUNT: usize = 1024;

/// Up to this many bytes of puts, a commit with a range tombstone still counts as a deletion: a
/// dropped table also updates the catalog. The same holds for adds beside any deletion: the removal
/// of rows also changes row counts.
const MAX_PUT_WITH_DELETION: usize = 4 << 10;

/// Puts, adds, deletes and range tombstones that become visible, and durable, atomically.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryBatch {
    payload: Vec<u8>,
    entries: Vec<EncodedEntry>,
    range_count: usize,
    delete_count: u32,
    /// The size of the puts, in bytes.
    put_size: usize,
    /// The size of the adds, in bytes.
    add_size: usize,
}

impl EntryBatch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn reserve(&mut self, size: usize, count: usize) {
        self.payload.reserve_exact(size);
        self.entries.reserve_exact(count);
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.write(Kind::Put, key, KeyHash::of(key), value);
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.write(Kind::Delete, key, KeyHash::of(key), &[]);
    }

    pub(crate) fn add(&mut self, key: &[u8], delta: i64) {
        self.write(Kind::Add, key, KeyHash::of(key), &delta.to_le_bytes());
    }

    /// Deletes the keys from `start`, inclusive, to `end`, exclusive. Earlier puts of this batch
    /// are deleted, later ones are not. An empty range adds no entry.
    pub(crate) fn delete_range(&mut self, start: &[u8], end: &[u8]) {
        if start < end {
            self.write(Kind::RangeDelete, start, KeyHash::of(start), end);
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let start = small(self.payload.len());
        self.payload.extend_from_slice(&other.payload);
        let moved = |entry: &EncodedEntry| EncodedEntry {
            key_offset: entry.key_offset.saturating_add(start),
            ..*entry
        };
        self.entries.extend(other.entries.iter().map(moved));
        self.range_count += other.range_count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of entries, which is the number of sequence numbers of the commit.
    pub(crate) fn count(&self) -> u32 {
        small(self.entries.len())
    }

    pub(crate) fn range_count(&self) -> usize {
        self.range_count
    }

    /// The number of deletes of single keys.
    pub(crate) fn delete_count(&self) -> u32 {
        self.delete_count
    }

    pub(crate) fn deletes(&self) -> bool {
        self.delete_count > 0 || self.range_count > 0
    }

    /// Whether the commit frees space: it puts and adds nothing, or next to nothing beside what it
    /// deletes.
    pub(crate) fn is_deletion(&self) -> bool {
        let max_put = if self.range_count > 0 { MAX_PUT_WITH_DELETION } else { 0 };
        let max_add = if self.deletes() { MAX_PUT_WITH_DELETION } else { 0 };
        self.put_size <= max_put && self.add_size <= max_add
    }

    pub(crate) fn size(&self) -> usize {
        self.payload.len()
    }

    #[cfg(test)]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The encoded entries, and where each of them is.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<EncodedEntry>) {
        (self.payload, self.entries)
    }

    /// The entries in insertion order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = BatchEntry<'_>> {
        self.entries.iter().map(|entry| entry.parts(&self.payload))
    }

    /// Adds an entry of a kind that a batch has, whose key has this hash. A tombstone has no value,
    /// and the value of an add is its number.
    pub(crate) fn write(&mut self, kind: Kind, key: &[u8], hash: KeyHash, value: &[u8]) {
        put_entry(&mut self.payload, (kind, key, value));
        let key_offset = self.payload.len() - value.len() - key.len();
        self.entries.push(EncodedEntry::with_hash(kind, key_offset, (key.len(), hash), value.len()));
        match kind {
            Kind::Put | Kind::Pointer => self.put_size += key.len() + value.len(),
            Kind::Add => self.add_size += key.len() + value.len(),
            Kind::Delete => self.delete_count = self.delete_count.saturating_add(1),
            Kind::RangeDelete => self.range_count += 1,
        }
    }
}

/// An entry takes at least two bytes and a WAL record at most 256 MiB, so a number that saturates
/// belongs to a batch that is rejected for its size.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
