//! A write batch prepared for the memtable, outside any lock.

use crate::base::{EncodedEntry, KeyHash, Kind};

/// Where an entry is in the batch's bytes. Its value follows its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchSpan {
    pub(crate) kind: Kind,
    pub(crate) key_offset: usize,
    pub(crate) key_size: usize,
    pub(crate) value_size: usize,
}

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
    /// When an entry is not within `bytes`, or ends beyond 4 GiB, which exceeds the limit of a
    /// commit.
    pub(crate) fn new(bytes: Vec<u8>, entries: impl Iterator<Item = BatchSpan>) -> Self {
        let small = |size: usize| u32::try_from(size).expect("a commit is far below 4 GiB");
        let mut has_adds = false;
        let prepare = |span: BatchSpan| {
            has_adds |= span.kind == Kind::Add;
            let key_end = span.key_offset + span.key_size;
            assert!(key_end + span.value_size <= bytes.len(), "an entry lies in its bytes");
            EncodedEntry {
                hash: KeyHash::of(&bytes[span.key_offset..key_end]),
                key_offset: small(span.key_offset),
                key_size: small(span.key_size),
                value_size: small(span.value_size),
                kind: span.kind,
                is_folded: false,
            }
        };
        let entries = entries.map(prepare).collect();
        Self { bytes, entries, has_adds }
    }

    /// The same for entries that were hashed when they were encoded into `bytes`.
    pub(crate) fn of_encoded(bytes: Vec<u8>, entries: Vec<EncodedEntry>) -> Self {
        let has_adds = entries.iter().any(|entry| entry.kind == Kind::Add);
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
        self.entries.iter().map(|entry| {
            let (key_size, value_size) = (entry.key_size as usize, entry.value_size as usize);
            let bytes = &self.bytes[entry.key_offset as usize..][..key_size + value_size];
            (entry.kind, &bytes[..key_size], &bytes[key_size..])
        })
    }
}
