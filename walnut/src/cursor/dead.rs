//! The dead entries that a walk passes between two live ones: where the next walk can seek, and where this one does.
//!
//! ```text
//!   forward    [live]  d d d d d d ..... d d d d d d d d  [live]
//!                      └ passed ─┘└ known ─┘└─ passed ─┘
//! ```
//!
//! 1. What is known is sought past. What was passed behind it begins where it ends, so that the two touch.
//! 2. What was passed is worth remembering when it is much, or when it lies between two ranges that are known.
//! 3. Nothing is copied or looked up unless an entry is dead.

use std::fmt;

use super::Direction;
use crate::base::{CoveredSpan, KeyRange, SeqNo, after};
use crate::sync::Arc;

/// So many dead entries in a row are worth remembering.
const MANY: u64 = 16;

/// What remembers where nothing is live.
pub(crate) trait DeadKeys: fmt::Debug + Send + Sync {
    /// The dead range around `key` for a reader at `at`, if it is known.
    fn around(&self, key: &[u8], at: SeqNo) -> Option<CoveredSpan>;

    /// Takes note that a reader at `at` has passed so many dead entries in `range` and has found no live key in it.
    fn note(&self, range: KeyRange, at: SeqNo, passed: u64);
}

/// The dead entries that a walk has passed since the last live one.
#[derive(Debug)]
pub(super) struct DeadRun {
    known: Arc<dyn DeadKeys>,
    /// Where what was passed begins in the direction of the walk; going backward the key behind it.
    first: Option<Vec<u8>>,
    /// The key that was passed last.
    last: Vec<u8>,
    passed: u64,
    /// Whether it begins where a known range ends.
    follows: bool,
}

impl DeadRun {
    pub(super) fn new(known: Arc<dyn DeadKeys>) -> Self {
        Self { known, first: None, last: Vec::new(), passed: 0, follows: false }
    }

    /// Where the walk begins in its direction, before anything is passed.
    pub(super) fn begin(&mut self, bound: Option<Vec<u8>>) {
        self.first = bound;
    }

    /// Nothing is passed yet behind the key that the walk has come to.
    pub(super) fn clear(&mut self) {
        (self.first, self.passed, self.follows) = (None, 0, false);
    }

    /// Notes a dead key.
    pub(super) fn pass(&mut self, key: &[u8], direction: Direction) {
        self.first.get_or_insert_with(|| match direction {
            Direction::Forward => key.to_vec(),
            Direction::Backward => after(key),
        });
        key.clone_into(&mut self.last);
        self.passed += 1;
    }

    /// What is known around a key that comes next; what was passed before it is remembered, if it is worth it.
    pub(super) fn known(&mut self, key: &[u8], direction: Direction, at: SeqNo) -> Option<CoveredSpan> {
        let stretch = self.known.around(key, at)?;
        let (near, far) = match direction {
            Direction::Forward => (Some(stretch.start.clone()), stretch.end.clone()),
            Direction::Backward => (stretch.end.clone(), Some(stretch.start.clone())),
        };
        if self.follows
            && let (Some(first), Some(near)) = (self.first.take(), near)
        {
            self.note(first, near, direction, at);
        } else {
            self.end(direction, at);
        }
        (self.first, self.passed, self.follows) = (far, 0, true);
        Some(stretch)
    }

    /// The run ends: before a live key, or where the walk does.
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
