//! Writes the kept entries and range tombstones to one SST after the other.
//!
//! ```text
//!   entries             a   d   f | k   m      p |
//!   range tombstones      [c ──── | ────n)       | [r ── t)
//!   files               | to k    | from k to p0 | ..
//! ```
//!
//! A file ends right before a key, and a range tombstone over that key is cut in two there. So
//! everything about a key is in one file, and each file ends at or before the first key of the
//! next. Readers hold the range tombstones of a file in memory, so a file also ends when it has
//! many of them.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use super::pick::SMALL_PART;
use crate::base::{Entry, FileNumber, Fragment, KeyspaceId};
use crate::error::Result;
use crate::sst::{FinishedSst, SstMeta, SstStore, TempSst};

/// The size of range tombstones at which a file ends; small in tests, so that it is reached often.
const MAX_RANGES_SIZE: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// The largest overlap of a file with the next level, in largest file sizes.
const MAX_OVERLAP: u64 = 10;

/// The length in bytes of the prefix that all keys of a keyspace share.
const PREFIX_LEN: usize = KeyspaceId::CATALOG.prefix().len();

/// The output of a flush or merge. Dropping it removes the files.
pub(super) struct OutputFiles<'a, N> {
    sst_store: &'a SstStore,
    /// Returns the number of the next file.
    numbers: N,
    splitter: OutputSplitter<'a>,
    /// The fragments that are not written yet, in key order.
    ranges: VecDeque<Fragment>,
    open: Option<TempSst>,
    finished: Vec<FinishedSst>,
    /// The key of the last entry.
    key: Vec<u8>,
}

impl<'a, N: FnMut() -> Result<FileNumber>> OutputFiles<'a, N> {
    pub(super) fn new(sst_store: &'a SstStore, splitter: OutputSplitter<'a>, numbers: N) -> Self {
        let (ranges, finished) = (VecDeque::new(), Vec::new());
        Self { sst_store, numbers, splitter, ranges, open: None, finished, key: Vec::new() }
    }

    /// Queues the next fragment; it is written once the entries are past it. A fragment that begins
    /// before an entry must be added before that entry.
    pub(super) fn add_fragment(&mut self, fragment: Fragment) {
        self.ranges.push_back(fragment);
    }

    /// Adds the next entry, in internal-key order.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        if self.open.is_none() || entry.key != self.key {
            self.write_ranges(Some(entry.key))?;
            self.cut_before(entry.key)?;
        }
        self.open(entry.key)?.add(entry)?;
        self.key.clear();
        self.key.extend_from_slice(entry.key);
        Ok(())
    }

    /// The SSTs, durable and still under temporary names.
    pub(super) fn finish(mut self) -> Result<Vec<FinishedSst>> {
        self.write_ranges(None)?;
        self.end_file()?;
        Ok(self.finished)
    }

    /// Writes the fragments that end at or before `key`, or all of them.
    pub(super) fn write_ranges(&mut self, key: Option<&[u8]>) -> Result<()> {
        let passes = |next: &Fragment| key.is_none_or(|key| *next.end <= *key);
        while self.ranges.front().is_some_and(passes) {
            let Some(fragment) = self.ranges.pop_front() else { break };
            if *fragment.start > *self.key {
                self.cut_before(&fragment.start)?;
            }
            self.open(&fragment.start)?.add_fragment(&fragment)?;
        }
        Ok(())
    }

    /// Ends the current file before `key`, if the splitter or the size of its range tombstones asks
    /// for it. `key` must be above everything in the file.
    fn cut_before(&mut self, key: &[u8]) -> Result<()> {
        let Some(sst) = &mut self.open else { return Ok(()) };
        // A file that stays may be before the next fragment, as it may be before the next key.
        let next = self.ranges.front().filter(|next| *next.start > *self.key && *next.start < *key);
        if next.is_some_and(|next| self.splitter.before(&next.start, sst.estimated_size())) {
            return self.end_file();
        }
        let ends_here = self.splitter.before(key, sst.estimated_size());
        if !ends_here && sst.ranges_size() < MAX_RANGES_SIZE {
            return Ok(());
        }
        if let Some(next) = self.ranges.front_mut().filter(|next| *next.start < *key) {
            let rest = Fragment { start: key.to_vec(), ..next.clone() };
            let first = Fragment { end: key.to_vec(), ..std::mem::replace(next, rest) };
            sst.add_fragment(&first)?;
        }
        self.end_file()
    }

    fn end_file(&mut self) -> Result<()> {
        if let Some(sst) = self.open.take() {
            self.finished.push(sst.finish()?);
        }
        Ok(())
    }

    /// The current file; begins a new one at `key` when there is none.
    fn open(&mut self, key: &[u8]) -> Result<&mut TempSst> {
        Ok(match &mut self.open {
            Some(sst) => sst,
            none => {
                self.splitter.begin(key);
                none.insert(self.sst_store.begin((self.numbers)()?)?)
            }
        })
    }
}

/// Decides where an output SST ends. It is asked before each new key, so that the versions of a key
/// stay together. A file ends
///
/// 1. when it has reached its largest size;
/// 2. when it overlaps so much of the next level that its own compaction would take too long
///    (LevelDB: grandparent overlap);
/// 3. at the end of a keyspace, when it is not small, so that a keyspace that changes does not
///    share a file with one that does not; behind the catalog and the row counts always, if there
///    will be several files;
/// 4. before a file that stays in the output level.
pub(super) struct OutputSplitter<'v> {
    max_size: u64,
    /// Whether there will be several files.
    is_large: bool,
    /// The files that end after the current key: of the level below the output, and those that stay
    /// in its level.
    below: &'v [Arc<SstMeta>],
    staying: Peekable<IntoIter<&'v Arc<SstMeta>>>,
    /// The size of the files below, before these, that overlap the current output file.
    passed_size: u64,
    /// The keyspace of the current key.
    prefix: Vec<u8>,
}

impl<'v> OutputSplitter<'v> {
    /// That of a flush.
    pub(super) fn single_file() -> Self {
        Self::new(u64::MAX, 0, &[], Vec::new())
    }

    /// `input_size` is the size of all inputs, in bytes.
    pub(super) fn new(
        max_size: u64,
        input_size: u64,
        below: &'v [Arc<SstMeta>],
        staying: Vec<&'v Arc<SstMeta>>,
    ) -> Self {
        let (is_large, staying) = (input_size > max_size, staying.into_iter().peekable());
        Self { max_size, is_large, below, staying, passed_size: 0, prefix: Vec::new() }
    }

    /// Returns whether a file of `size` bytes ends before `key`, which is above all keys so far.
    fn before(&mut self, key: &[u8], size: u64) -> bool {
        let passes_staying = self.skip(key);
        let ends_keyspace = self.prefix != prefix(key);
        let ends = size >= self.max_size
            || self.passed_size >= self.max_size.saturating_mul(MAX_OVERLAP)
            || ends_keyspace
                && (size >= self.max_size / SMALL_PART || self.is_large && self.ends_system(key))
            || passes_staying;
        if !ends && ends_keyspace {
            self.begin_keyspace(key);
        }
        ends
    }

    fn begin(&mut self, key: &[u8]) {
        self.skip(key);
        self.passed_size = 0;
        self.begin_keyspace(key);
    }

    /// Skips the files before `key`; returns whether one that stays was among them.
    fn skip(&mut self, key: &[u8]) -> bool {
        while let Some((meta, rest)) = self.below.split_first().filter(|(meta, _)| *meta.end <= *key) {
            self.passed_size += meta.size;
            self.below = rest;
        }
        let mut passes_staying = false;
        while self.staying.next_if(|meta| *meta.end <= *key).is_some() {
            passes_staying = true;
        }
        passes_staying
    }

    fn ends_system(&self, key: &[u8]) -> bool {
        let last = KeyspaceId::ROW_COUNTS.prefix();
        *self.prefix <= last[..] && *prefix(key) > last[..]
    }

    fn begin_keyspace(&mut self, key: &[u8]) {
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix(key));
    }
}

/// The prefix that all keys of a keyspace share.
fn prefix(key: &[u8]) -> &[u8] {
    &key[..key.len().min(PREFIX_LEN)]
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn a_file_ends_at_its_largest_size() {
        let mut splitter = OutputSplitter::new(100, 0, &[], Vec::new());
        splitter.begin(b"\0\0\0\x01a");
        assert!(!splitter.before(b"\0\0\0\x01b", 99));
        assert!(splitter.before(b"\0\0\0\x01c", 100));
    }

    #[test]
    fn a_file_ends_where_too_much_lies_below_it() {
        let key = |n: u8| [0, 0, 0, 1, n];
        let of = |n: u8| Arc::new(SstMeta { size: 500, ..file(u64::from(n), &key(n), &key(n)) });
        let below: Vec<_> = (1..30).map(of).collect();
        let mut splitter = OutputSplitter::new(100, 0, &below, Vec::new());
        splitter.begin(&key(1));
        assert!(!splitter.before(&key(2), 50));
        assert!(splitter.before(&key(3), 50), "two files of 500 are ten times 100");
        splitter.begin(&key(3));
        assert!(!splitter.before(&key(4), 50));
        assert!(splitter.before(&key(9), 50));
    }

    #[test]
    fn a_file_that_is_not_small_ends_with_its_keyspace() {
        let mut splitter = OutputSplitter::new(100, 0, &[], Vec::new());
        splitter.begin(b"\0\0\0\x01a");
        assert!(!splitter.before(b"\0\0\0\x02a", 24), "a small one");
        assert!(!splitter.before(b"\0\0\0\x02b", 48), "within a keyspace");
        assert!(splitter.before(b"\0\0\0\x03a", 49));
        splitter.begin(b"\0\0\0\x03a");
        assert!(splitter.before(b"\0\0\0\x04", 25));
    }

    #[test]
    fn catalog_and_row_counts_have_a_file_of_their_own_in_a_large_merge() {
        for (input_size, ends) in [(100, false), (101, true)] {
            let mut splitter = OutputSplitter::new(100, input_size, &[], Vec::new());
            splitter.begin(b"\0\0\0\0a");
            assert!(!splitter.before(b"\0\0\0\x01a", 1));
            assert_eq!(splitter.before(b"\0\0\0\x10a", 2), ends);
        }
    }

    #[test]
    fn a_file_ends_before_one_that_stays() {
        let staying = [file(1, b"d", b"f"), file(2, b"g", b"h")].map(Arc::new);
        let mut splitter = OutputSplitter::new(100, 0, &[], staying.iter().collect());
        splitter.begin(b"a");
        assert!(!splitter.before(b"c", 1));
        assert!(splitter.before(b"fa", 2));
        splitter.begin(b"fa");
        assert!(splitter.before(b"i", 1));
        splitter.begin(b"i");
        assert!(!splitter.before(b"j", 1));
    }
}
