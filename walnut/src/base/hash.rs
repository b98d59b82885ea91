//! The hash of a user key: computed once per lookup; used by filters, block fingerprints and
//! memtable filters.

use xxhash_rust::xxh3::xxh3_64;

/// The XXH3 hash of a user key. Filters and fingerprints on disk depend on it, so it never changes
/// within a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyHash(pub(crate) u64);

impl KeyHash {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(xxh3_64(key))
    }

    /// The byte that represents the key in a block's hash index: the bits that the filter uses
    /// last.
    pub(crate) fn fingerprint(self) -> u8 {
        self.0.to_le_bytes()[7]
    }
}
