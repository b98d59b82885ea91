//! Collects the entries of one commit.

use super::Entries;
use super::format::put_entry;
use crate::base::Kind;

/// The most range tombstones in one commit. They are kept in order for every read, which many at once would make dear.
pub(crate) const MAX_RANGE_COUNT: usize = 1024;

/// Bytes that may be put in a commit that counts as a deletion because of a range that it takes away: what the catalog says of it.
const MAX_PUT_BESIDE: usize = 4 << 10;

/// Puts, adds, deletes and range tombstones that become visible, and durable, together or not at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteBatch {
    payload: Vec<u8>,
    count: u32,
    range_count: usize,
    delete_count: u32,
    /// Bytes of the entries that give a value.
    put_size: usize,
}

impl WriteBatch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes room for entries of so many bytes.
    pub(crate) fn reserve(&mut self, size: usize) {
        self.payload.reserve_exact(size);
    }

    /// Gives `key` a value.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.push(Kind::Put, key, value);
        self.put_size += key.len() + value.len();
    }

    /// Takes `key` away.
    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.push(Kind::Delete, key, &[]);
        self.delete_count = self.delete_count.saturating_add(1);
    }

    /// Adds a number to that of `key`.
    pub(crate) fn add(&mut self, key: &[u8], delta: i64) {
        self.push(Kind::Add, key, &delta.to_le_bytes());
        self.put_size += key.len() + size_of::<i64>();
    }

    /// Takes every key from `start` on, and before `end`, away: those that were put before in this batch too, those that are
    /// put later not. An empty range is no entry.
    pub(crate) fn delete_range(&mut self, start: &[u8], end: &[u8]) {
        if start < end {
            self.push(Kind::RangeDelete, start, end);
            self.range_count += 1;
        }
    }

    /// Adds the entries of another one behind its own.
    pub(crate) fn append(&mut self, other: &Self) {
        self.payload.extend_from_slice(&other.payload);
        self.count = self.count.saturating_add(other.count);
        self.range_count += other.range_count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many entries there are, which is how many sequence numbers the commit takes.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// How many of the entries are range tombstones.
    pub(crate) fn range_count(&self) -> usize {
        self.range_count
    }

    /// Whether something is taken away.
    pub(crate) fn deletes(&self) -> bool {
        self.delete_count > 0 || self.range_count > 0
    }

    /// Whether this gives space back: nothing is put, or next to nothing beside a range that goes.
    pub(crate) fn is_deletion(&self) -> bool {
        self.put_size == 0 || self.range_count > 0 && self.put_size <= MAX_PUT_BESIDE
    }

    /// The size of the payload in bytes.
    pub(crate) fn size(&self) -> usize {
        self.payload.len()
    }

    /// The entries as the log keeps them.
    #[cfg(test)]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The same, to be kept.
    pub(crate) fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The entries in the order in which they were added.
    pub(crate) fn iter(&self) -> Entries<'_> {
        Entries::of_batch(&self.payload, self.count)
    }

    fn push(&mut self, kind: Kind, key: &[u8], value: &[u8]) {
        put_entry(&mut self.payload, (kind, key, value));
        // An entry takes two bytes at least and the log takes 256 MiB at most, so a count that stands still here
        // belongs to a batch that is refused for its size.
        self.count = self.count.saturating_add(1);
    }
}
