//! Entries on their way into a memtable, prepared where no lock is held.

use crate::base::{KeyHash, Kind};

/// Where an entry lies in the bytes that hold it. Its value follows its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchSpan {
    pub(crate) kind: Kind,
    pub(crate) key_offset: usize,
    pub(crate) key_size: usize,
    pub(crate) value_size: usize,
}

/// Entries with consecutive numbers and the bytes that hold their keys and values.
#[derive(Debug, Default)]
pub(crate) struct SealedBatch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<SealedEntry>,
}

/// An entry and the hash of its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct SealedEntry {
    pub(super) hash: KeyHash,
    pub(super) key_offset: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) kind: Kind,
}

impl SealedBatch {
    /// The entries that lie in `bytes`, in the order of their numbers.
    ///
    /// # Panics
    ///
    /// When an entry does not lie in them, or lies beyond 4 GiB, which is above what a commit may take.
    pub(crate) fn new(bytes: Vec<u8>, entries: impl Iterator<Item = BatchSpan>) -> Self {
        let small = |size: usize| u32::try_from(size).expect("a commit is far below 4 GiB");
        let prepare = |placed: BatchSpan| {
            let key_end = placed.key_offset + placed.key_size;
            assert!(key_end + placed.value_size <= bytes.len(), "an entry lies in its bytes");
            SealedEntry {
                hash: KeyHash::of(&bytes[placed.key_offset..key_end]),
                key_offset: small(placed.key_offset),
                key_size: small(placed.key_size),
                value_size: small(placed.value_size),
                kind: placed.kind,
            }
        };
        let entries = entries.map(prepare).collect();
        Self { bytes, entries }
    }

    /// The bytes that hold keys and values.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many entries, and so numbers, there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// The entries: kind, key and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, &[u8], &[u8])> {
        self.entries.iter().map(|entry| {
            let (key_size, value_size) = (entry.key_size as usize, entry.value_size as usize);
            let bytes = &self.bytes[entry.key_offset as usize..][..key_size + value_size];
            (entry.kind, &bytes[..key_size], &bytes[key_size..])
        })
    }
}
