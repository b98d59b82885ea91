//! Whether something that a transaction has read was changed since it was read.
//!
//! ```text
//!   read at ──── looked up in the view, without a lock ────► checked ── compared, under the log's lock ──► now
//! ```
//!
//! 1. What was committed up to `checked` is looked up while others commit: a key costs a look-up where new entries can be, a
//!    range a walk over it there.
//! 2. What came after it are the last commits of the log, which are kept in memory for a while: each of their entries
//!    is looked for among what was read. So the log waits for as many comparisons as there are entries since `checked`,
//!    however long the ranges are that were read and however large the store is.
//! 3. Where a commit is no longer kept, what came since `checked` is looked up as well, under the lock: exact, and rare.

use std::collections::{BTreeSet, VecDeque};

use super::Core;
use super::commit::Request;
use crate::base::{KeyRange, SeqNo};
use crate::error::{Error, Result};
use crate::mvcc::Pin;
use crate::sync::{Arc, AtomicU64, Ordering};

/// Entries that were committed since a transaction began, up to which it is not worth looking up what it read before the
/// log is locked.
const FEW_ENTRIES: u64 = 64;

/// The most commits that are kept, and the most bytes of their batches.
const RECENT_COUNT_LIMIT: usize = 1024;
const RECENT_SIZE_LIMIT: usize = 1 << 20;

/// What a transaction has read: its commit fails when any of it was changed since.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// What keeps the state that was read; `None` when nothing was read.
    pub(crate) pin: Option<Pin>,
    /// Keys that were looked for, in order, each once.
    pub(crate) keys: Vec<Vec<u8>>,
    /// What scans went through, in order and apart from each other: an entry that came into one of these, or left it, is a
    /// change too.
    pub(crate) ranges: Vec<KeyRange>,
}

impl Reads {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// Whether `key` was read.
    fn has(&self, key: &[u8]) -> bool {
        if self.keys.binary_search_by(|read| read.as_slice().cmp(key)).is_ok() {
            return true;
        }
        let before = self.ranges.partition_point(|range| *range.start <= *key);
        before > 0 && self.ranges[before - 1].ends_after(key)
    }

    /// Whether one of `keys` was read.
    fn meet(&self, keys: &BTreeSet<&[u8]>) -> bool {
        let within =
            |range: &KeyRange| keys.range(&*range.start..).next().is_some_and(|key| range.ends_after(key));
        !keys.is_empty()
            && (self.keys.iter().any(|key| keys.contains(&**key)) || self.ranges.iter().any(within))
    }
}

/// The last commits of the log, in its order.
#[derive(Debug)]
pub(super) struct Recent {
    /// Each with its last number.
    commits: VecDeque<(SeqNo, Arc<Request>)>,
    /// Bytes of their batches.
    size: usize,
    /// The last number that is not kept any more.
    forgotten: SeqNo,
}

impl Recent {
    /// Nothing up to `last` is kept.
    pub(super) fn new(last: SeqNo) -> Self {
        Self { commits: VecDeque::new(), size: 0, forgotten: last }
    }

    /// Adds the next commit, and forgets the oldest beyond the limits.
    pub(super) fn push(&mut self, last: SeqNo, request: &Arc<Request>) {
        self.size += request.batch.size();
        self.commits.push_back((last, Arc::clone(request)));
        while self.commits.len() > RECENT_COUNT_LIMIT || self.size > RECENT_SIZE_LIMIT {
            let Some((last, request)) = self.commits.pop_front() else { return };
            self.size -= request.batch.size();
            self.forgotten = last;
        }
    }

    /// The commits after `checked`; `None` when one of them was forgotten.
    fn since(&self, checked: SeqNo) -> Option<impl Iterator<Item = &Request>> {
        let first = self.commits.partition_point(|(last, _)| *last <= checked);
        (checked >= self.forgotten).then(|| self.commits.range(first..).map(|(_, request)| &**request))
    }
}

/// What validation came to since the database was opened.
#[derive(Debug, Default)]
pub(super) struct Validations {
    /// Commits that were refused.
    pub(super) conflicts: AtomicU64,
    /// Entries that were compared under the log's lock.
    pub(super) compared: AtomicU64,
}

impl Core {
    /// Looks for changes outside of any lock, and gives the number up to which there are none.
    pub(super) fn validate_ahead(&self, reads: &Reads) -> Result<SeqNo> {
        let Some(pin) = &reads.pin else { return Ok(SeqNo::MAX) };
        pin.ensure_held()?;
        // Loaded before the view: everything up to it is in the view then.
        let applied = self.applied();
        if reads.is_empty() || applied.0.saturating_sub(pin.at().0) <= FEW_ENTRIES {
            return Ok(pin.at());
        }
        if self.changed_since(reads, pin.at())? { Err(Error::Conflict) } else { Ok(applied) }
    }

    /// An error when something that was read has changed since it was checked: in the log, or earlier in this group.
    pub(super) fn validate(&self, request: &Request, recent: &Recent, group: &BTreeSet<&[u8]>) -> Result<()> {
        self.ensure_writable()?;
        let reads = request.reads.lock();
        if reads.is_empty() {
            return Ok(());
        }
        let is_changed = reads.meet(group)
            || match recent.since(request.checked) {
                Some(mut commits) => {
                    let mut compared = 0;
                    let is_changed = commits.any(|commit| {
                        commit.batch.iter().any(|(_, key, _)| {
                            compared += 1;
                            reads.has(key)
                        })
                    });
                    self.validations.compared.fetch_add(compared, Ordering::Relaxed);
                    is_changed
                }
                None => self.changed_since(&reads, request.checked)?,
            };
        if is_changed { Err(Error::Conflict) } else { Ok(()) }
    }

    /// Whether something that was read has an entry above `since`, at or below which it was not changed.
    pub(super) fn changed_since(&self, reads: &Reads, since: SeqNo) -> Result<bool> {
        let view = self.view.load();
        // A tombstone that was written since is in the view only as long as the state is kept that was read.
        reads.pin.as_ref().map_or(Ok(()), Pin::ensure_held)?;
        for key in &reads.keys {
            if view.newest_since(key, since)?.is_some_and(|seqno| seqno > since) {
                return Ok(true);
            }
        }
        for range in &reads.ranges {
            if view.is_changed_within(range, since)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meet_the_keys_that_they_named_and_those_that_lie_in_their_ranges() {
        let range = |start: &[u8], end: Option<&[u8]>| KeyRange {
            start: start.to_vec(),
            end: end.map(<[u8]>::to_vec),
        };
        let ranges = vec![range(b"d", Some(b"f")), range(b"h", Some(b"i")), range(b"x", None)];
        let reads = Reads { pin: None, keys: vec![b"b".to_vec(), b"w".to_vec()], ranges };
        for (key, meets) in [
            ("a", false),
            ("b", true),
            ("c", false),
            ("d", true),
            ("e", true),
            ("f", false),
            ("g", false),
            ("h", true),
            ("i", false),
            ("w", true),
            ("wa", false),
            ("x", true),
            ("z", true),
        ] {
            assert_eq!(reads.has(key.as_bytes()), meets, "{key}");
            let keys = BTreeSet::from([b"a".as_slice(), key.as_bytes(), b"g"]);
            assert_eq!(reads.meet(&keys), meets, "{key}");
        }
        assert!(!reads.meet(&BTreeSet::new()));
    }
}
