//! The commit pipeline.
//!
//! ```text
//!   1. outside any lock   the caller encoded its batch
//!   2. `queue`            it lines up
//!   3. `log`              whoever gets it takes all that wait: validate, number, one write, apply
//!   4. `synced`           whoever gets it syncs for all that were written by then
//! ```
//!
//! While one thread is in step 4, others go through 2 and 3, and the first of them to reach step 4 syncs for all: so
//! commits share syncs without any of them waiting for company. [`Durability::Group`] waits for company up to a limit.
//!
//! Validation needs no structure of its own: what was committed since a read began is in the memtables (and in
//! SSTs whose highest number is above the read's), or earlier in the same group.
//!
//! A write that finds no space fails its group, and the log goes on in a new segment, which says that nothing behind the last
//! good record counts: so a full disk loses nothing, and writes go on when there is room. Any other failed write, and
//! every failed sync, poisons the engine.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Core;
use super::log::{Log, Position};
use crate::base::{Entry, KeyRange, SeqNo};
use crate::batch::{MAX_RANGE_COUNT, WriteBatch};
use crate::error::{Error, Limit, Result};
use crate::sync::{Arc, Mutex, Ordering};
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
    /// Visible at once, durable at the next sync of anybody. A crash loses a suffix of such commits, never a hole and
    /// never half of one.
    Fast,
}

/// What a transaction has read: its commit fails when any of it was changed since.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The sequence number at which it read.
    pub(crate) at: SeqNo,
    pub(crate) keys: Vec<Vec<u8>>,
    /// What a scan went through: an entry that came into one of these, or left it, is a change too.
    pub(crate) ranges: Vec<KeyRange>,
}

impl Reads {
    /// Whether something that was read is among `writes`.
    fn meet(&self, writes: &Writes<'_>) -> bool {
        let within = |range: &KeyRange| {
            writes.keys.range(&*range.start..).next().is_some_and(|key| range.ends_after(key))
                || writes.ranges.iter().any(|(start, end)| range.meets(start, end))
        };
        let has = |key: &[u8]| {
            writes.keys.contains(key) || writes.ranges.iter().any(|(start, end)| *start <= key && key < *end)
        };
        self.keys.iter().any(|key| has(key)) || self.ranges.iter().any(within)
    }
}

/// What the commits of a group write: keys, and the ranges of range tombstones.
#[derive(Debug, Default)]
struct Writes<'b> {
    keys: BTreeSet<&'b [u8]>,
    ranges: Vec<(&'b [u8], &'b [u8])>,
}

impl<'b> Writes<'b> {
    fn add(&mut self, batch: &'b WriteBatch) {
        for (kind, key, value) in batch.iter() {
            if kind.is_of_one_key() {
                self.keys.insert(key);
            } else {
                self.ranges.push((key, value));
            }
        }
    }
}

/// How far the log is durable.
#[derive(Debug, Default)]
pub(super) struct SyncedTo {
    pub(super) position: Position,
    /// Whether somebody is about to sync for a group.
    pub(super) gathering: bool,
}

/// A commit on its way.
#[derive(Debug)]
pub(super) struct Request {
    batch: WriteBatch,
    reads: Reads,
    outcome: Mutex<Option<Result<Written>>>,
}

/// A commit in the log.
#[derive(Clone, Copy, Debug)]
struct Written {
    last: SeqNo,
    end: Position,
}

impl Request {
    fn settle(&self, outcome: Result<Written>) {
        *self.outcome.lock() = Some(outcome);
    }

    fn is_settled(&self) -> bool {
        self.outcome.lock().is_some()
    }
}

impl Core {
    /// Makes a batch part of history, all of it or nothing, and returns when it is acknowledged as `durability` says.
    ///
    /// [`Error::Conflict`] when something in `reads` was changed since it was read.
    pub(crate) fn commit(&self, reads: Reads, batch: WriteBatch, durability: Durability) -> Result<()> {
        self.ensure_writable()?;
        if batch.size() > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: batch.size(), limit: MAX_PAYLOAD_SIZE }));
        }
        if batch.range_count() > MAX_RANGE_COUNT {
            return Err(Error::Limit(Limit::Ranges { count: batch.range_count(), limit: MAX_RANGE_COUNT }));
        }
        if batch.is_empty() {
            return self.confirm(durability);
        }
        self.make_room()?;
        self.pace();
        self.mend_log()?;
        let request = Arc::new(Request { batch, reads, outcome: Mutex::new(None) });
        self.queue.lock().push(Arc::clone(&request));
        {
            let mut log = self.log.lock();
            if !request.is_settled() {
                let group = std::mem::take(&mut *self.queue.lock());
                self.write_group(&mut log, &group);
            }
        }
        self.freeze_if_full();
        // Whoever wrote the group has settled every request in it, and this one was in a group by now.
        let written = request.outcome.lock().take().unwrap_or(Err(Error::Poisoned))?;
        match durability {
            Durability::Fast => self.publish(written.last),
            Durability::Safe => self.sync_to(written.end)?,
            Durability::Group => self.sync_with_others(written.end)?,
        }
        Ok(())
    }

    /// Returns when everything that a transaction can have read is acknowledged as `durability` says: an answer without a
    /// write, a refusal too, must not rest on a commit that a failed sync or a crash can still take back.
    pub(crate) fn confirm(&self, durability: Durability) -> Result<()> {
        match durability {
            Durability::Fast => self.ensure_writable(),
            Durability::Safe | Durability::Group => self.sync(),
        }
    }

    /// Makes everything that was committed before durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.ensure_writable()?;
        let end = self.log.lock().position();
        self.sync_to(end)
    }

    /// Validates, numbers, writes and applies a group, and settles each of its requests.
    fn write_group(&self, log: &mut Log, group: &[Arc<Request>]) {
        let mut accepted = Vec::with_capacity(group.len());
        let mut writes = Writes::default();
        for request in group {
            let first = log.next_seqno();
            match self.validate(&request.reads, &writes).and_then(|()| log.append(&request.batch)) {
                Ok(()) => accepted.push((request, first)),
                Err(error) => {
                    request.settle(Err(self.poison_like(log, error)));
                    continue;
                }
            }
            if group.len() > 1 {
                writes.add(&request.batch);
            }
        }
        if accepted.is_empty() {
            return;
        }
        match log.write() {
            Ok(()) => self.apply_group(log, &accepted),
            Err(error) => {
                self.log_is_torn.store(log.is_torn(), Ordering::Release);
                let mut error = Some(self.poison_like(log, error));
                for (request, _) in accepted {
                    // The others of the group failed for the same reason, which cannot be given twice.
                    request.settle(Err(error.take().unwrap_or_else(|| self.failure())));
                }
            }
        }
    }

    /// Puts a written group into the memtable and settles its requests.
    fn apply_group(&self, log: &Log, group: &[(&Arc<Request>, SeqNo)]) {
        let view = self.view.load();
        for (request, first) in group {
            for (place, (kind, key, value)) in (0..).zip(request.batch.iter()) {
                view.active.insert(Entry { key, seqno: first.plus(place), kind, value });
            }
        }
        self.applied.store(log.last_seqno().0, Ordering::Release);
        let written = Written { last: log.last_seqno(), end: log.position() };
        for (request, _) in group {
            request.settle(Ok(written));
        }
    }

    /// An error when something that was read has changed since: in the store, or earlier in this group.
    fn validate(&self, reads: &Reads, group: &Writes<'_>) -> Result<()> {
        self.ensure_writable()?;
        if reads.meet(group) {
            return Err(Error::Conflict);
        }
        if reads.at >= self.applied() {
            return Ok(());
        }
        if self.changed_since(reads)? { Err(Error::Conflict) } else { Ok(()) }
    }

    /// What the others of a failed group are told.
    fn failure(&self) -> Error {
        if self.poisoned.load(Ordering::Acquire) { Error::Poisoned } else { Error::OutOfSpace }
    }

    /// Returns when the log is durable up to `position`, syncing it for everybody if nobody did.
    fn sync_to(&self, position: Position) -> Result<()> {
        let mut synced = self.synced.lock();
        if synced.position >= position {
            return Ok(());
        }
        self.ensure_unpoisoned()?;
        let (point, end, last) = {
            let log = self.log.lock();
            (log.sync_point()?, log.position(), log.last_seqno())
        };
        let outcome = point.sync();
        let mut log = self.log.lock();
        if let Err(error) = outcome {
            log.poison();
            return Err(self.poison(error));
        }
        log.mark_synced(&point);
        drop(log);
        synced.position = end;
        self.publish(last);
        drop(synced);
        self.sync_done.notify_all();
        Ok(())
    }

    /// Like [`sync_to`](Self::sync_to), but the first to come waits for others up to the group window.
    fn sync_with_others(&self, position: Position) -> Result<()> {
        let window = self.config.group_window;
        let mut synced = self.synced.lock();
        if window > Duration::ZERO && synced.position < position && !synced.gathering {
            synced.gathering = true;
            synced = self.sync_done.wait_for(synced, window);
            synced.gathering = false;
        }
        while synced.gathering && synced.position < position {
            synced = self.sync_done.wait_for(synced, window);
        }
        drop(synced);
        self.sync_to(position)
    }

    /// Lets readers see everything up to `last`.
    pub(super) fn publish(&self, last: SeqNo) {
        self.visible.fetch_max(last.0, Ordering::AcqRel);
    }

    fn ensure_unpoisoned(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) { Err(Error::Poisoned) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meet_the_keys_that_they_named_and_those_that_lie_in_their_ranges() {
        let range = KeyRange { start: b"d".to_vec(), end: Some(b"f".to_vec()) };
        let reads = Reads { at: SeqNo::ZERO, keys: vec![b"b".to_vec()], ranges: vec![range] };
        for (key, meets) in [("a", false), ("b", true), ("c", false), ("d", true), ("e", true), ("f", false)]
        {
            let keys = BTreeSet::from([b"a".as_slice(), key.as_bytes(), b"g"]);
            assert_eq!(reads.meet(&Writes { keys, ranges: Vec::new() }), meets, "{key}");
        }
        for (start, end, meets) in [("", "b", false), ("", "c", true), ("c", "d", false), ("e", "k", true)] {
            let ranges = vec![(start.as_bytes(), end.as_bytes())];
            let writes = Writes { keys: BTreeSet::new(), ranges };
            assert_eq!(reads.meet(&writes), meets, "{start}..{end}");
        }
    }
}
