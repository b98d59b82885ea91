//! Decides where an output SST of a merge ends.
//!
//! Called before each new key, so that the versions of a key stay together. A file ends
//!
//! 1. when it has reached its largest size;
//! 2. when it overlaps so much of the next level that its own compaction would take too long
//!    (LevelDB: grandparent overlap);
//! 3. at the end of a large keyspace, so that its files hold nothing else.

use std::sync::Arc;

use crate::base::KeyspaceId;
use crate::sst::SstMeta;

/// The largest overlap of a file with the next level, in largest file sizes.
const MAX_OVERLAP: u64 = 10;

/// A keyspace is large when it takes at least this part of a file.
const LARGE_PART: u64 = 4;

/// The length in bytes of the prefix that all keys of a keyspace share.
const PREFIX_LEN: usize = KeyspaceId::CATALOG.prefix().len();

pub(super) struct OutputSplitter<'v> {
    max_size: u64,
    /// The files of the level below the output.
    below: &'v [Arc<SstMeta>],
    /// The index of the first of them that ends after the current key, and the size of the files
    /// before it that overlap the current output file.
    index: usize,
    passed_size: u64,
    /// The keyspace of the current key, and the size of the output file at its beginning.
    prefix: Vec<u8>,
    prefix_start: u64,
}

impl<'v> OutputSplitter<'v> {
    pub(super) fn new(max_size: u64, below: &'v [Arc<SstMeta>]) -> Self {
        Self { max_size, below, index: 0, passed_size: 0, prefix: Vec::new(), prefix_start: 0 }
    }

    /// Returns whether a file of `size` bytes ends before `key`, which is above all keys so far.
    pub(super) fn before(&mut self, key: &[u8], size: u64) -> bool {
        self.skip_below(key);
        let prefix = &key[..key.len().min(PREFIX_LEN)];
        let ends_keyspace = self.prefix != prefix;
        let ends = size >= self.max_size
            || self.passed_size >= self.max_size.saturating_mul(MAX_OVERLAP)
            || ends_keyspace && size.saturating_sub(self.prefix_start) >= self.max_size / LARGE_PART;
        if !ends && ends_keyspace {
            self.begin_keyspace(prefix, size);
        }
        ends
    }

    /// Begins a file at `key`.
    pub(super) fn begin(&mut self, key: &[u8]) {
        self.skip_below(key);
        self.passed_size = 0;
        self.begin_keyspace(&key[..key.len().min(PREFIX_LEN)], 0);
    }

    fn skip_below(&mut self, key: &[u8]) {
        while let Some(meta) = self.below.get(self.index).filter(|meta| *meta.end <= *key) {
            self.passed_size += meta.size;
            self.index += 1;
        }
    }

    fn begin_keyspace(&mut self, prefix: &[u8], start: u64) {
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
        let mut splitter = OutputSplitter::new(100, &[]);
        splitter.begin(b"\0\0\0\x01a");
        assert!(!splitter.before(b"\0\0\0\x01b", 99));
        assert!(splitter.before(b"\0\0\0\x01c", 100));
    }

    #[test]
    fn a_file_ends_where_too_much_lies_below_it() {
        let key = |n: u8| [0, 0, 0, 1, n];
        let of = |n: u8| Arc::new(SstMeta { size: 500, ..file(u64::from(n), &key(n), &key(n)) });
        let below: Vec<_> = (1..30).map(of).collect();
        let mut splitter = OutputSplitter::new(100, &below);
        splitter.begin(&key(1));
        assert!(!splitter.before(&key(2), 50));
        assert!(splitter.before(&key(3), 50), "two files of 500 are ten times 100");
        splitter.begin(&key(3));
        assert!(!splitter.before(&key(4), 50));
        assert!(splitter.before(&key(9), 50));
    }

    #[test]
    fn a_file_ends_with_a_large_keyspace_and_goes_on_after_a_small_one() {
        let mut splitter = OutputSplitter::new(100, &[]);
        splitter.begin(b"\0\0\0\x01a");
        assert!(!splitter.before(b"\0\0\0\x02a", 24), "a small one");
        assert!(!splitter.before(b"\0\0\0\x02b", 40));
        assert!(!splitter.before(b"\0\0\0\x03a", 48), "again a small one: 24 bytes");
        assert!(splitter.before(b"\0\0\0\x04a", 73));
        splitter.begin(b"\0\0\0\x04a");
        assert!(splitter.before(b"\0\0\0\x05", 25));
    }
}
