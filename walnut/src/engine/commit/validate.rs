//! Whether something that a transaction has read was changed since it was read.
//!
//! ```text
//!   read at ──── looked up in the view, without a lock ────► checked ── compared, under the log's lock ──► now
//! ```
//!
//! 1. What was committed up to `checked` is looked up while others commit: a key costs a look-up
//!    where new entries can be, a range a walk over it there.
//! 2. What came after it are the last entries of the memtables, which know them by their numbers:
//!    each of them is looked for among what was read. So the log waits for as many comparisons as
//!    there are entries since `checked`, however long the ranges are that were read and however
//!    large the store is.
//! 3. Where they are too many, or flushed already, what came since `checked` is looked up as well,
//!    under the lock: exact, and rare.

use super::CommitPipeline;
use super::queue::Request;
use super::read_set::{GroupWrites, ReadSet};
use crate::base::{Entry, SeqNo};
use crate::engine::read::view::View;
use crate::error::{Error, Result};
use crate::mvcc::Pin;
use crate::sync::{AtomicU64, Ordering};

/// Entries that were committed since a transaction began, up to which it is not worth looking up
/// what it read before the log is locked.
const FEW_ENTRIES: u64 = 64;

/// The most entries that are compared under the log's lock.
const COMPARED_LIMIT: u64 = 16 << 10;

/// What validation came to since the database was opened.
#[derive(Debug, Default)]
pub(in crate::engine) struct Validations {
    /// Commits that were refused.
    pub(in crate::engine) conflicts: AtomicU64,
    /// Entries that were compared under the log's lock.
    pub(in crate::engine) compared: AtomicU64,
}

impl CommitPipeline {
    /// Validates the read set outside of any lock, and returns the seqno up to which nothing of it
    /// has changed.
    pub(in crate::engine) fn prevalidate(&self, reads: &ReadSet) -> Result<SeqNo> {
        let Some(pin) = &reads.pin else { return Ok(SeqNo::MAX) };
        pin.ensure_held()?;
        // Loaded before the view: everything up to it is in the view then.
        let applied = self.seqnos.applied();
        if reads.is_empty() || applied.0.saturating_sub(pin.at().0) <= FEW_ENTRIES {
            return Ok(pin.at());
        }
        if self.changed_since(reads, pin.at())? { Err(Error::Conflict) } else { Ok(applied) }
    }

    /// An error when something that was read has changed since it was checked: in the log, or
    /// earlier in this group.
    pub(super) fn validate(&self, request: &Request, group: &GroupWrites<'_>) -> Result<()> {
        self.health.ensure_writable()?;
        let (reads, checked) = (&request.reads, request.validated_up_to);
        if reads.is_empty() || checked >= self.seqnos.applied() && group.is_empty() {
            return Ok(());
        }
        let is_changed = reads.meet(group) || self.changed_lately(reads, checked)?;
        if is_changed { Err(Error::Conflict) } else { Ok(()) }
    }

    /// Whether something that was read has an entry above `checked`, which is not long ago as a
    /// rule.
    fn changed_lately(&self, reads: &ReadSet, checked: SeqNo) -> Result<bool> {
        if self.seqnos.applied().0.saturating_sub(checked.0) > COMPARED_LIMIT {
            return self.changed_since(reads, checked);
        }
        let mut compared = 0;
        let mut is_read = |entry: Entry<'_>| {
            compared += 1;
            reads.has_written((entry.kind, entry.key, entry.value))
        };
        let found = self.versions.view().find_since(checked, &mut is_read);
        self.validations.compared.fetch_add(compared, Ordering::Relaxed);
        found.map_or_else(|| self.changed_since(reads, checked), Ok)
    }

    /// Whether something that was read has an entry above `since`, at or below which it was not
    /// changed.
    pub(in crate::engine) fn changed_since(&self, reads: &ReadSet, since: SeqNo) -> Result<bool> {
        let view = self.versions.view();
        // A tombstone that was written since is in the view only as long as the state is kept that
        // was read.
        reads.pin.as_ref().map_or(Ok(()), Pin::ensure_held)?;
        for key in reads.keys.iter() {
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

impl View {
    /// Whether `is_wanted` knows an entry above `since`; `None` when some of them are flushed and
    /// none of the others is wanted.
    fn find_since(&self, since: SeqNo, is_wanted: &mut dyn FnMut(Entry<'_>) -> bool) -> Option<bool> {
        for memtable in self.memtables() {
            if memtable.entries_since(since).any(&mut *is_wanted) {
                return Some(true);
            }
            if memtable.base() <= since {
                return Some(false);
            }
        }
        None
    }
}
