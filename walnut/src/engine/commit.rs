//! The commit pipeline.
//!
//! ```text
//!   1. outside any lock   the caller encoded its batch
//!   2. `queue`            it lines up
//!   3. `log`              whoever leads takes all that wait: validate, number, one write, apply (see `queue`)
//!   4. `synced`           whoever gets it syncs for all that were written by then (see `durable`)
//! ```
//!
//! While one thread is in step 4, others go through 2 and 3: a group is written and applied during the sync of the one
//! before. To apply a group costs the hash of a key and a row for each entry (see `memtable`), less than its
//! write, so there is no step of its own for it: whoever has the log sees everything that was committed before.
//!
//! Before 2, what the transaction has read is looked up, and within 3 it is compared with what was committed since: see
//! `validate`.
//!
//! A write that finds no space fails its group, and the log goes on in a new segment, which says that nothing behind the last
//! good record counts: so a full disk loses nothing, and writes go on when there is room. Any other failed write, and
//! every failed sync, poisons the engine.

use super::Core;
use super::log::Log;
use super::queue::{Promise, Request, Written};
use super::validate::{Reads, Writes};
use crate::base::SeqNo;
use crate::batch::{BatchEntry, MAX_RANGE_COUNT, WriteBatch};
use crate::error::{Error, Limit, Result};
use crate::memtable::{Insertion, Placed};
use crate::sync::Ordering;
use crate::wal::MAX_PAYLOAD_SIZE;

/// What an acknowledged commit has survived by the time its call returns.
///
/// ```
/// let db = walnut::Database::builder().durability(walnut::Durability::Fast).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Durable before the call returns: no crash and no power cut loses it. One sync, shared with commits that are on
    /// their way at the same time.
    #[default]
    Safe,
    /// The same promise, but the commit may wait up to the `group_window` for others to share its sync: more commits a
    /// second from many threads, a longer wait for each.
    Group,
    /// Visible at once, durable at the next sync of anybody; after each MiB of such commits there is one. A crash loses a
    /// suffix of them, never a hole and never half of one.
    Fast,
}

impl Core {
    /// Makes a batch part of history, all of it or nothing, and returns when it is acknowledged as `durability` says.
    ///
    /// [`Error::Conflict`] when something in `reads` was changed since it was read.
    pub(crate) fn commit(&self, reads: Reads, batch: WriteBatch, durability: Durability) -> Result<()> {
        self.seems_writable()?;
        if batch.size() > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: batch.size(), limit: MAX_PAYLOAD_SIZE }));
        }
        if batch.range_count() > MAX_RANGE_COUNT {
            return Err(Error::Limit(Limit::Ranges { count: batch.range_count(), limit: MAX_RANGE_COUNT }));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let size = batch.size();
        self.make_room()?;
        self.pace(size);
        self.mend_log()?;
        let checked = self.validate_ahead(&reads).inspect_err(|error| self.note_conflict(error))?;
        let written = self.line_up(prepare(batch), reads, checked);
        if !matches!(written, Err(Error::Forked)) {
            self.freeze_in_time();
        }
        let written = written.inspect_err(|error| self.note_conflict(error))?;
        match durability {
            Durability::Fast => {
                self.publish(written.last);
                self.sync_now_and_then(written.end, size)?;
            }
            Durability::Safe => self.sync_to(written.end)?,
            Durability::Group => self.sync_with_others(written.end)?,
        }
        Ok(())
    }

    /// Validates, numbers, writes and applies a group, and settles each of its requests. Gives what they have read.
    pub(super) fn write_group(&self, log: &mut Log, group: Vec<Request>) -> Vec<Reads> {
        let mut outcomes = Vec::with_capacity(group.len());
        let mut writes = Writes::default();
        for request in &group {
            let (first, insertion) = (log.next_seqno(), &request.insertion);
            let count = u32::try_from(insertion.count()).expect("an entry takes more than a byte");
            let appended =
                self.validate(request, &writes).and_then(|()| log.append(insertion.bytes(), count));
            if appended.is_ok() && group.len() > 1 {
                writes.add(insertion);
            }
            outcomes.push(appended.map(|()| first).map_err(|error| self.poison_like(log, error)));
        }
        drop(writes);
        let (mut accepted, mut reads) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for (request, outcome) in group.into_iter().zip(outcomes) {
            reads.push(request.reads);
            match outcome {
                Ok(first) => accepted.push((first, request.insertion, request.promise)),
                Err(error) => request.promise.settle(Err(error)),
            }
        }
        if accepted.is_empty() {
            return reads;
        }
        match log.write() {
            Ok(()) => self.apply_group(log, accepted),
            Err(error) => {
                self.log_is_torn.store(log.is_torn(), Ordering::Release);
                let mut error = Some(self.poison_like(log, error));
                for (.., promise) in accepted {
                    // The others of the group failed for the same reason, which cannot be given twice.
                    promise.settle(Err(error.take().unwrap_or_else(|| self.failure())));
                }
            }
        }
        reads
    }

    /// Puts a written group into the memtable and keeps its promises.
    fn apply_group(&self, log: &Log, group: Vec<(SeqNo, Insertion, Promise)>) {
        let view = self.view.load();
        let apply = |(first, insertion, promise)| {
            view.active.insert(insertion, first);
            promise
        };
        let promises: Vec<Promise> = group.into_iter().map(apply).collect();
        self.dead.revive(|| {
            let entries = view.active.entries_since(self.applied());
            entries.filter(|entry| !entry.kind.only_removes()).map(|entry| entry.key)
        });
        self.applied.store(log.last_seqno().0, Ordering::Release);
        let written = Written { last: log.last_seqno(), end: log.position() };
        for promise in promises {
            promise.settle(Ok(written));
        }
    }

    fn note_conflict(&self, error: &Error) {
        if matches!(error, Error::Conflict) {
            self.validations.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the others of a failed group are told.
    fn failure(&self) -> Error {
        if self.poisoned.load(Ordering::Acquire) { self.poisoned_error() } else { Error::OutOfSpace }
    }
}

/// What a batch puts into a memtable.
fn prepare(batch: WriteBatch) -> Insertion {
    let mut entries = Vec::with_capacity(batch.iter().len());
    entries.extend(batch.iter().with_offsets().map(|(offset, entry)| placed(offset, entry)));
    let mut bytes = batch.into_payload();
    bytes.shrink_to_fit();
    Insertion::new(bytes, entries.into_iter())
}

/// An entry of a payload with the offset of its key, as a memtable wants to know it.
pub(super) fn placed(key_offset: usize, (kind, key, value): BatchEntry<'_>) -> Placed {
    Placed { kind, key_offset, key_size: key.len(), value_size: value.len() }
}
