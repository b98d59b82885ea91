//! Runs of dead entries between two live ones: the dead ranges that a scan seeks past, and those
//! that it records for later scans.
//!
//! ```text
//!   forward    [live]  d d d d d d ..... d d d d d d d d  [live]
//!                      └ passed ─┘└ known ─┘└─ passed ─┘
//! ```
//!
//! 1. A known dead range is sought past. The entries passed behind it start where it ends, so that
//!    the two ranges touch.
//! 2. A run of passed entries is recorded when it is long, or when it is between two known ranges.
//! 3. Nothing is copied or looked up unless an entry is dead.

use std::fmt;

use super::Direction;
use crate::base::{CoveredSpan, KeyRange, SeqNo, after};
use crate::sync::Arc;

/// The length from which a run of dead entries is recorded.
const MANY: u64 = 16;

/// A cache of key ranges without a live key; see [`DeadRanges`](crate::mvcc::DeadRanges).
pub(crate) trait DeadKeys: fmt::Debug + Send + Sync {
    /// The known dead range around `key` for a reader at `at`.
    fn around(&self, key: &[u8], at: SeqNo) -> Option<CoveredSpan>;

    /// Records that a reader at `at` has passed this number of dead entries in `range` and no live
    /// key.
    fn note(&self, range: KeyRange, at: SeqNo, passed: u64);
}

/// The dead entries since the last live one.
#[derive(Debug)]
pub(super) struct DeadRun {
    known: Arc<dyn DeadKeys>,
    /// Where the run starts in the direction of the scan; backward, this is an exclusive bound.
    first: Option<Vec<u8>>,
    last: Vec<u8>,
    passed: u64,
    /// Whether the run starts where a known range ends.
    follows: bool,
}

impl DeadRun {
    pub(super) fn new(known: Arc<dyn DeadKeys>) -> Self {
        Self { known, first: None, last: Vec::new(), passed: 0, follows: false }
    }

    /// Sets where the scan starts in its direction, before anything is passed.
    pub(super) fn begin(&mut self, bound: Option<Vec<u8>>) {
        self.first = bound;
    }

    pub(super) fn clear(&mut self) {
        (self.first, self.passed, self.follows) = (None, 0, false);
    }

    pub(super) fn pass(&mut self, key: &[u8], direction: Direction) {
        self.first.get_or_insert_with(|| match direction {
            Direction::Forward => key.to_vec(),
            Direction::Backward => after(key),
        });
        key.clone_into(&mut self.last);
        self.passed += 1;
    }

    /// The known dead range around the next key. The run before it ends, and is recorded if
    /// invariant 2 says so.
    pub(super) fn known(&mut self, key: &[u8], direction: Direction, at: SeqNo) -> Option<CoveredSpan> {
        let span = self.known.around(key, at)?;
        let (near, far) = match direction {
            Direction::Forward => (Some(span.start.clone()), span.end.clone()),
            Direction::Backward => (span.end.clone(), Some(span.start.clone())),
        };
        if self.follows
            && let (Some(first), Some(near)) = (self.first.take(), near)
        {
            self.note(first, near, direction, at);
        } else {
            self.end(direction, at);
        }
        (self.first, self.passed, self.follows) = (far, 0, true);
        Some(span)
    }

    /// Ends the run: before a live key, or at the end of the scan.
    pub(super) fn end(&mut self, direction: Direction, at: SeqNo) {
        if self.passed >= MANY
            && let Some(first) = self.first.take()
        {
            let last = match direction {
                Direction::Forward => after(&self.last),
                Direction::Backward => std::mem::take(&mut self.last),
            };
            self.note(first, last, direction, at);
        }
        self.clear();
    }

    fn note(&self, first: Vec<u8>, last: Vec<u8>, direction: Direction, at: SeqNo) {
        let (start, end) = match direction {
            Direction::Forward => (first, last),
            Direction::Backward => (last, first),
        };
        let range = KeyRange { start, end: Some(end) };
        if !range.is_empty() {
            self.known.note(range, at, self.passed);
        }
    }
}
