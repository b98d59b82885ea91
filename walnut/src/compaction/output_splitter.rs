//! Where an output of a merge ends and the next one begins.
//!
//! Asked before each new key, so that the versions of a key stay together. A file ends
//!
//! 1. when it is as large as it may be;
//! 2. when it shares its range with so much of the level below that merging it down would take too long;
//! 3. where a large keyspace ends, so that its files are its own.

use std::sync::Arc;

use crate::base::KeyspaceId;
use crate::sst::SstMeta;

/// How many times the largest size of a file may lie below one.
const MAX_OVERLAP: u64 = 10;

/// A keyspace is large when it takes this part of a file, or more.
const LARGE_PART: u64 = 4;

/// The length of the prefix that the keys of a keyspace share.
const PREFIX_LEN: usize = KeyspaceId::CATALOG.prefix().len();

/// Follows the keys of a merge.
pub(super) struct OutputSplitter<'v> {
    max_size: u64,
    /// The files of the level below the output.
    below: &'v [Arc<SstMeta>],
    /// The first of them that does not end before the current key, and the bytes of those that the file has passed.
    place: usize,
    passed_size: u64,
    /// The keyspace of the current key, and the size of the file where it began.
    prefix: Vec<u8>,
    prefix_start: u64,
}

impl<'v> OutputSplitter<'v> {
    pub(super) fn new(max_size: u64, below: &'v [Arc<SstMeta>]) -> Self {
        Self { max_size, below, place: 0, passed_size: 0, prefix: Vec::new(), prefix_start: 0 }
    }

    /// Whether a file of this size ends before `key`, which comes after all keys so far.
    pub(super) fn before(&mut self, key: &[u8], size: u64) -> bool {
        self.pass(key);
        let prefix = &key[..key.len().min(PREFIX_LEN)];
        let ends_keyspace = self.prefix != prefix;
        let cuts = size >= self.max_size
            || self.passed_size >= self.max_size.saturating_mul(MAX_OVERLAP)
            || ends_keyspace && size.saturating_sub(self.prefix_start) >= self.max_size / LARGE_PART;
        if !cuts && ends_keyspace {
            self.enter(prefix, size);
        }
        cuts
    }

    /// Takes note that a file begins with `key`.
    pub(super) fn begin(&mut self, key: &[u8]) {
        self.pass(key);
        self.passed_size = 0;
        self.enter(&key[..key.len().min(PREFIX_LEN)], 0);
    }

    fn pass(&mut self, key: &[u8]) {
        while let Some(meta) = self.below.get(self.place).filter(|meta| *meta.end <= *key) {
            self.passed_size += meta.size;
            self.place += 1;
        }
    }

    fn enter(&mut self, prefix: &[u8], start: u64) {
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix);
        self.prefix_start = start;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn a_file_ends_at_its_largest_size() {
        let mut cuts = OutputSplitter::new(100, &[]);
        cuts.begin(b"\0\0\0\x01a");
        assert!(!cuts.before(b"\0\0\0\x01b", 99));
        assert!(cuts.before(b"\0\0\0\x01c", 100));
    }

    #[test]
    fn a_file_ends_where_too_much_lies_below_it() {
        let key = |n: u8| [0, 0, 0, 1, n];
        let of = |n: u8| Arc::new(SstMeta { size: 500, ..file(u64::from(n), &key(n), &key(n)) });
        let below: Vec<_> = (1..30).map(of).collect();
        let mut cuts = OutputSplitter::new(100, &below);
        cuts.begin(&key(1));
        assert!(!cuts.before(&key(2), 50));
        assert!(cuts.before(&key(3), 50), "two files of 500 are ten times 100");
        cuts.begin(&key(3));
        assert!(!cuts.before(&key(4), 50));
        assert!(cuts.before(&key(9), 50));
    }

    #[test]
    fn a_file_ends_with_a_large_keyspace_and_goes_on_after_a_small_one() {
        let mut cuts = OutputSplitter::new(100, &[]);
        cuts.begin(b"\0\0\0\x01a");
        assert!(!cuts.before(b"\0\0\0\x02a", 24), "a small one");
        assert!(!cuts.before(b"\0\0\0\x02b", 40));
        assert!(!cuts.before(b"\0\0\0\x03a", 48), "again a small one: 24 bytes");
        assert!(cuts.before(b"\0\0\0\x04a", 73));
        cuts.begin(b"\0\0\0\x04a");
        assert!(cuts.before(b"\0\0\0\x05", 25));
    }
}
