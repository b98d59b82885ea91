//! A write batch prepared for the memtable, outside any lock.

use crate::base::{EncodedEntry, Kind};

/// Entries with consecutive sequence numbers, and the bytes of their keys and values.
#[derive(Debug, Default)]
pub(crate) struct SealedBatch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<EncodedEntry>,
    pub(super) has_adds: bool,
}

impl SealedBatch {
    /// `entries` are in the order of their sequence numbers.
    ///
    /// # Panics
    ///
    /// When an entry is not within `bytes`, or there are 4 GiB of them, which exceeds the limit of
    /// a commit.
    pub(crate) fn new(bytes: Vec<u8>, entries: Vec<EncodedEntry>) -> Self {
        assert!(u32::try_from(bytes.len()).is_ok(), "a commit is far below 4 GiB");
        let mut has_adds = false;
        for entry in &entries {
            assert!(entry.value_range().end <= bytes.len(), "an entry lies in its bytes");
            has_adds |= entry.kind == Kind::Add;
        }
        Self { bytes, entries, has_adds }
    }

    /// The bytes of keys and values.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of entries, which is the number of sequence numbers.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Kind, key and value of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, &[u8], &[u8])> {
        let parts = |entry: &EncodedEntry| {
            (entry.kind, &self.bytes[entry.key_range()], &self.bytes[entry.value_range()])
        };
        self.entries.iter().map(parts)
    }
}
