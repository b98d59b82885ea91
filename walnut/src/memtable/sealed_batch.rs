//! A write batch prepared for the memtable, outside any lock.

use crate::base::{KeyHash, Kind};

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
    pub(super) entries: Vec<SealedEntry>,
}

/// An entry's location in the bytes, and the hash of its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct SealedEntry {
    pub(super) hash: KeyHash,
    pub(super) key_offset: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) kind: Kind,
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
        let prepare = |span: BatchSpan| {
            let key_end = span.key_offset + span.key_size;
            assert!(key_end + span.value_size <= bytes.len(), "an entry lies in its bytes");
            SealedEntry {
                hash: KeyHash::of(&bytes[span.key_offset..key_end]),
                key_offset: small(span.key_offset),
                key_size: small(span.key_size),
                value_size: small(span.value_size),
                kind: span.kind,
            }
        };
        let entries = entries.map(prepare).collect();
        Self { bytes, entries }
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
