//! Where an entry is in the bytes of a batch.

use std::ops::Range;

use super::{KeyHash, Kind};

/// An entry of a batch: its location in the bytes, and the hash of its key. Its value follows its
/// key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedEntry {
    pub(crate) hash: KeyHash,
    pub(crate) key_offset: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) kind: Kind,
    /// Whether it is an add whose value is the sum with what is below it.
    pub(crate) is_folded: bool,
}

impl EncodedEntry {
    pub(crate) fn new(kind: Kind, key_offset: usize, key: &[u8], value_size: usize) -> Self {
        Self::with_hash(kind, key_offset, (key.len(), KeyHash::of(key)), value_size)
    }

    /// The same for a key whose hash is known. Numbers of 4 GiB and more saturate: they are beyond
    /// the limit of a commit.
    #[inline]
    pub(crate) fn with_hash(
        kind: Kind,
        key_offset: usize,
        (key_size, hash): (usize, KeyHash),
        value_size: usize,
    ) -> Self {
        let small = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        Self {
            hash,
            key_offset: small(key_offset),
            key_size: small(key_size),
            value_size: small(value_size),
            kind,
            is_folded: false,
        }
    }

    /// Where its key is in the bytes.
    #[inline]
    pub(crate) fn key_range(&self) -> Range<usize> {
        let start = self.key_offset as usize;
        start..start + self.key_size as usize
    }

    /// Where its value is in the bytes.
    #[inline]
    pub(crate) fn value_range(&self) -> Range<usize> {
        let start = self.key_range().end;
        start..start + self.value_size as usize
    }

    /// Kind, key and value, of an entry that lies in `bytes`.
    #[inline]
    pub(crate) fn parts<'b>(&self, bytes: &'b [u8]) -> (Kind, &'b [u8], &'b [u8]) {
        (self.kind, &bytes[self.key_range()], &bytes[self.value_range()])
    }
}

/// A write batch prepared for the memtable, outside any lock: entries with consecutive sequence
/// numbers, and the bytes of their keys and values.
#[derive(Debug, Default)]
pub(crate) struct SealedBatch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<EncodedEntry>,
    pub(crate) has_adds: bool,
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

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of entries, which is the number of sequence numbers.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Kind, key and value of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, &[u8], &[u8])> {
        self.entries.iter().map(|entry| entry.parts(&self.bytes))
    }
}
