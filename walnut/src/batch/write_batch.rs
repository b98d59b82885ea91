//! The write batch: collects the operations of one commit.

use super::BatchEntries;
use super::format::put_entry;
use crate::base::Kind;

/// The maximum number of range tombstones in one commit. The memtable keeps them sorted for every
/// read, which becomes expensive when a commit adds many.
pub(crate) const MAX_RANGE_COUNT: usize = 1024;

/// Up to this many bytes of puts, a commit with a range tombstone still counts as a deletion: a
/// dropped table also updates the catalog.
const MAX_PUT_WITH_RANGE: usize = 4 << 10;

/// Puts, adds, deletes and range tombstones that become visible, and durable, atomically.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryBatch {
    payload: Vec<u8>,
    count: u32,
    range_count: usize,
    delete_count: u32,
    /// The size of the puts and adds, in bytes.
    put_size: usize,
}

impl EntryBatch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reserves memory for entries of `size` bytes.
    pub(crate) fn reserve(&mut self, size: usize) {
        self.payload.reserve_exact(size);
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.push(Kind::Put, key, value);
        self.put_size += key.len() + value.len();
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.push(Kind::Delete, key, &[]);
        self.delete_count = self.delete_count.saturating_add(1);
    }

    /// Adds `delta` to the number of `key`.
    pub(crate) fn add(&mut self, key: &[u8], delta: i64) {
        self.push(Kind::Add, key, &delta.to_le_bytes());
        self.put_size += key.len() + size_of::<i64>();
    }

    /// Deletes the keys from `start`, inclusive, to `end`, exclusive. Earlier puts of this batch
    /// are deleted, later ones are not. An empty range adds no entry.
    pub(crate) fn delete_range(&mut self, start: &[u8], end: &[u8]) {
        if start < end {
            self.push(Kind::RangeDelete, start, end);
            self.range_count += 1;
        }
    }

    /// Appends the entries of `other`.
    pub(crate) fn append(&mut self, other: &Self) {
        self.payload.extend_from_slice(&other.payload);
        self.count = self.count.saturating_add(other.count);
        self.range_count += other.range_count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of entries, which is the number of sequence numbers of the commit.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn range_count(&self) -> usize {
        self.range_count
    }

    /// Whether the batch deletes anything.
    pub(crate) fn deletes(&self) -> bool {
        self.delete_count > 0 || self.range_count > 0
    }

    /// Whether the commit frees space: it puts nothing, or next to nothing beside a deleted range.
    pub(crate) fn is_deletion(&self) -> bool {
        self.put_size == 0 || self.range_count > 0 && self.put_size <= MAX_PUT_WITH_RANGE
    }

    /// The size of the payload in bytes.
    pub(crate) fn size(&self) -> usize {
        self.payload.len()
    }

    #[cfg(test)]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The encoded entries.
    pub(crate) fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The entries in insertion order.
    pub(crate) fn iter(&self) -> BatchEntries<'_> {
        BatchEntries::of_batch(&self.payload, self.count)
    }

    fn push(&mut self, kind: Kind, key: &[u8], value: &[u8]) {
        put_entry(&mut self.payload, (kind, key, value));
        // An entry takes at least two bytes and a WAL record at most 256 MiB, so a count that
        // saturates belongs to a batch that is rejected for its size.
        self.count = self.count.saturating_add(1);
    }
}
