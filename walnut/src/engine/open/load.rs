//! From the records of the log to memtables: by two threads where there is much of it.
//!
//! ```text
//!   reader:   file ──► checksum ──► entries and hashes of their keys ──one load on its way──► inserter: memtables, oldest spilled
//! ```
//!
//! 1. Small commits are collected into loads, so that they go into a memtable together; a load is
//!    of one segment.
//! 2. The inserter is begun with the second load. What it puts into memtables, and in which order,
//!    does not depend on whether there is one.
//! 3. What was inserted before an error means nothing.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle, available_parallelism};

use crate::base::{EncodedEntry, FileNumber, SealedBatch, SeqNo};
use crate::batch;
use crate::engine::open::spill::Spill;
use crate::engine::read::view::Frozen;
use crate::error::{Error, Result};
use crate::manifest::ManifestState;
use crate::memtable::Memtable;
use crate::sync::{Arc, Mutex};
use crate::wal::Replayed;

/// How many bytes of small commits are collected before they are put into a memtable.
pub(in crate::engine) const LOAD_SIZE: usize = 256 << 10;

/// How many loads may wait for the inserter: memory is bounded by a memtable and this.
const WAITING_LOADS: usize = 1;

/// How much of the log may be in memory at once, as when it was written, and which thread puts it
/// there.
#[derive(Clone, Copy)]
pub(in crate::engine) struct LoadLimits {
    pub(in crate::engine) memtable_size: usize,
    /// Full memtables above which the oldest is spilled.
    pub(in crate::engine) frozen_limit: usize,
    /// Whether a second thread may help.
    pub(in crate::engine) in_parallel: bool,
}

/// Entries on their way into a memtable.
pub(in crate::engine) struct Load {
    pub(in crate::engine) segment: FileNumber,
    pub(in crate::engine) first: SeqNo,
    pub(in crate::engine) insertion: SealedBatch,
}

/// The memtables that a replay fills.
pub(in crate::engine) struct Loader<'a, 'b> {
    /// Oldest first.
    memtables: Vec<Frozen>,
    limits: LoadLimits,
    state: &'a ManifestState,
    spill: &'a mut Spill<'b>,
}

impl<'a, 'b> Loader<'a, 'b> {
    /// One empty memtable, for a log that begins with the segment `first`.
    pub(in crate::engine) fn new(
        first: FileNumber,
        limits: LoadLimits,
        state: &'a ManifestState,
        spill: &'a mut Spill<'b>,
    ) -> Self {
        let memtables = vec![Frozen::new(Arc::new(Memtable::new(state.last_seqno)), first)];
        Self { memtables, limits, state, spill }
    }

    /// Loads what `read` passes to its argument, commit by commit. Returns the memtables, oldest
    /// first, and what `read` returned.
    pub(in crate::engine) fn load<R>(
        self,
        read: impl FnOnce(&mut dyn FnMut(&Replayed<'_>) -> Result<()>) -> Result<R>,
    ) -> Result<(Vec<Frozen>, R)> {
        let known = self.state.last_seqno;
        let is_helped = self.limits.in_parallel;
        let loader = Mutex::new(self);
        let outcome = std::thread::scope(|scope| {
            let mut collected = Collected::default();
            let mut sink = Sink { loader: &loader, is_helped, is_first: true, inserter: None };
            let outcome = read(&mut |replayed| {
                if replayed.segment != collected.segment || collected.bytes.len() >= LOAD_SIZE {
                    sink.take(scope, &mut collected)?;
                }
                collected.add(replayed, known)
            });
            let outcome = outcome.and_then(|read| sink.take(scope, &mut collected).map(|()| read));
            // A failure of the inserter is why nothing more could be read.
            sink.finish().and(outcome)
        })?;
        Ok((std::mem::take(&mut loader.lock().memtables), outcome))
    }

    fn take(&mut self, load: Load) -> Result<()> {
        let last = self.memtables.last_mut().expect("there is one from the beginning");
        let mut limit = self.limits.memtable_size.saturating_mul(2);
        if load.segment > last.next_log {
            last.next_log = load.segment;
            limit = self.limits.memtable_size;
        }
        if last.memtable.is_full(limit) {
            let memtable = Arc::new(Memtable::after(&last.memtable, last.memtable.max_lsn()));
            if self.memtables.len() > self.limits.frozen_limit
                && self.spill.take(&self.memtables[0], self.state)?
            {
                self.memtables.remove(0);
            }
            self.memtables.push(Frozen::new(memtable, load.segment));
        }
        let last = self.memtables.last().expect("there is one from the beginning");
        last.memtable.insert(load.insertion, load.first);
        Ok(())
    }
}

/// Commits that were read and are not yet in a memtable.
#[derive(Debug, Default)]
pub(in crate::engine) struct Collected {
    pub(in crate::engine) segment: FileNumber,
    pub(in crate::engine) bytes: Vec<u8>,
    entries: Vec<EncodedEntry>,
    first: SeqNo,
}

impl Collected {
    /// Adds the entries of a commit that are above `known`: what the SSTs have already is not taken
    /// twice.
    pub(in crate::engine) fn add(&mut self, replayed: &Replayed<'_>, known: SeqNo) -> Result<()> {
        let commit = replayed.commit;
        let known = known.plus(1).0.saturating_sub(commit.seq_start.0).min(commit.count.into());
        let mut old = known;
        let (start, taken) = (self.bytes.len(), self.entries.len());
        let decoded = batch::decode(commit.payload, commit.count, |offset, (kind, key, value)| {
            if old > 0 {
                old -= 1;
            } else {
                self.entries.push(EncodedEntry::new(kind, start + offset, key, value.len()));
            }
        });
        if let Err(fault) = decoded {
            self.entries.truncate(taken);
            return Err(replayed.damaged(fault));
        }
        if self.entries.len() > taken {
            self.bytes.extend_from_slice(commit.payload);
        }
        if taken == 0 {
            self.first = commit.seq_start.plus(known);
            self.segment = replayed.segment;
        }
        Ok(())
    }

    /// What was collected, if anything.
    pub(in crate::engine) fn take(&mut self) -> Option<Load> {
        let Self { segment, mut bytes, entries, first } = std::mem::take(self);
        if bytes.len() >= LOAD_SIZE {
            // The next load is of about the same size.
            self.bytes.reserve(LOAD_SIZE + LOAD_SIZE / 16);
            self.entries.reserve(entries.len() + entries.len() / 16);
        }
        bytes.shrink_to_fit();
        (!entries.is_empty()).then(|| Load { segment, first, insertion: SealedBatch::new(bytes, entries) })
    }
}

/// Where loads go.
struct Sink<'scope, 'a, 'b> {
    loader: &'scope Mutex<Loader<'a, 'b>>,
    is_helped: bool,
    /// Whether there was no load yet: most logs are one.
    is_first: bool,
    inserter: Option<Inserter<'scope>>,
}

/// The thread that fills memtables.
struct Inserter<'scope> {
    loads: SyncSender<Load>,
    thread: ScopedJoinHandle<'scope, Result<()>>,
}

impl<'scope, 'a: 'scope, 'b: 'scope> Sink<'scope, 'a, 'b> {
    fn take(&mut self, scope: &'scope Scope<'scope, '_>, collected: &mut Collected) -> Result<()> {
        let Some(load) = collected.take() else { return Ok(()) };
        if self.is_helped && !self.is_first && self.inserter.is_none() {
            self.inserter = self.begin(scope);
            // A system that has no thread to spare is none to ask again.
            self.is_helped = self.inserter.is_some();
        }
        self.is_first = false;
        match &self.inserter {
            // The error that ended it is found by `finish`.
            Some(inserter) => inserter.loads.send(load).map_err(|_| Error::Poisoned),
            None => self.loader.lock().take(load),
        }
    }

    fn begin(&self, scope: &'scope Scope<'scope, '_>) -> Option<Inserter<'scope>> {
        // The answer takes some twenty system calls: most logs are too short to ask.
        if available_parallelism().map_or(1, NonZero::get) == 1 {
            return None;
        }
        let (loads, waiting): (_, Receiver<Load>) = sync_channel(WAITING_LOADS);
        let loader = self.loader;
        let insert = move || {
            let mut loader = loader.lock();
            waiting.iter().try_for_each(|load| loader.take(load))
        };
        let thread = Builder::new().name("walnut-replay".to_owned()).spawn_scoped(scope, insert).ok()?;
        Some(Inserter { loads, thread })
    }

    /// Waits until everything is inserted.
    fn finish(self) -> Result<()> {
        let Some(Inserter { loads, thread }) = self.inserter else { return Ok(()) };
        drop(loads);
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
