//! Space that comes back without a checkpoint: what the active memtable deletes is flushed in a
//! quiet moment, if it is worth that.
//!
//! ```text
//!   commit that deletes ──► came ──a quiet moment──► waits ──another──► worth a flush? ──► flush, and compaction does the rest
//! ```
//!
//! 1. A flush of this kind writes less than what it lets go of: files that are covered by range
//!    tombstones, versions that tombstones hide, and the log of the entries that are dead by now.
//! 2. It empties the memtable, so without further deletions there is no second one.
//! 3. A commit pays for a look at a flag, and once in a while for waking a thread.

use crate::base::{Entry, KeyHash, Kind, SeqNo};
use crate::engine::Core;
use crate::error::Result;
use crate::memtable::Memtable;
use crate::sst::SstMeta;
use crate::sync::{Arc, AtomicBool, Ordering};

/// Less than so many bytes are not worth a flush before it is due.
const LEAST_GAIN: u64 = 64 << 10;

/// So many of the newest range tombstones are held against the files; older ones count for nothing.
const MAX_RANGES: usize = 1024;

/// Deletions that are not flushed.
#[derive(Debug, Default)]
pub(in crate::engine) struct Deletions {
    /// Whether there were any since a thread looked.
    came: AtomicBool,
    /// Whether some wait for another quiet moment.
    wait: AtomicBool,
    /// Whether some were not worth a flush.
    stay: AtomicBool,
}

impl Deletions {
    /// Whether there may be any.
    pub(in crate::engine) fn any(&self) -> bool {
        self.came.load(Ordering::Acquire) || self.wait.load(Ordering::Acquire)
    }
}

/// What a flush of the active memtable comes to, in bytes, as an estimate.
#[derive(Clone, Copy, Default, Debug)]
struct Estimate {
    /// What it writes.
    cost: u64,
    /// What can go after it.
    gain: u64,
}

impl Core {
    /// Takes note of a commit that deletes.
    pub(in crate::engine) fn note_deletion(&self) {
        if self.deletions.came.load(Ordering::Relaxed) {
            return;
        }
        self.deletions.came.store(true, Ordering::Release);
        if !self.workers.is_manual() {
            self.workers.compactor.wake();
        }
    }

    /// Flushes what was deleted, if it is worth that and nothing was deleted since the last call;
    /// returns whether there was a flush.
    pub(in crate::engine) fn flush_deletions_when_idle(&self) -> Result<bool> {
        if self.deletions.came.swap(false, Ordering::AcqRel) {
            self.deletions.wait.store(true, Ordering::Release);
            return Ok(false);
        }
        self.flush_deletions()
    }

    /// The same at once.
    pub(in crate::engine) fn flush_deletions(&self) -> Result<bool> {
        let came = self.deletions.came.swap(false, Ordering::AcqRel);
        let waited = self.deletions.wait.swap(false, Ordering::AcqRel);
        if !(came || waited) {
            return Ok(false);
        }
        // On a full disk everything is worth it.
        let Estimate { cost, gain } = self.estimate();
        if gain < LEAST_GAIN.max(cost) && !self.reserve.was_spent() {
            self.deletions.stay.store(true, Ordering::Release);
            return Ok(false);
        }
        self.flush_everything().inspect_err(|_| self.deletions.wait.store(true, Ordering::Release))?;
        // What is kept of the log would take the room that is to come back.
        self.commits.log.drop_recycled();
        let _ = self.remove_old_log(&[]);
        Ok(true)
    }

    /// Flushes what was deleted, whatever it is worth, because a merge finds no room; returns
    /// whether there was a flush.
    pub(in crate::engine) fn flush_deletions_for_room(&self) -> bool {
        let Deletions { came, wait, stay } = &self.deletions;
        let flags = [came, wait, stay].map(|flag| flag.swap(false, Ordering::AcqRel));
        flags.contains(&true) && !self.versions.view().active.is_empty() && self.flush_everything().is_ok()
    }

    fn estimate(&self) -> Estimate {
        let active = Arc::clone(&self.versions.view().active);
        let version = self.versions.version();
        let (mut raw_size, mut entry_count) = (0, 0);
        for (_, meta) in version.files() {
            raw_size += meta.raw_size;
            entry_count += meta.entry_count;
        }
        let mut estimate = Estimate::default();
        let mut ranges = Vec::new();
        for Entry { key, seqno, kind, value } in active.entries_since(active.base()) {
            let size = (key.len() + value.len()) as u64;
            match kind {
                Kind::RangeDelete => ranges.push((key, value)),
                Kind::Delete => {
                    estimate.gain += u64::checked_div(raw_size, entry_count).unwrap_or_default();
                    estimate.cost += size;
                }
                Kind::Put | Kind::Pointer if is_hidden(&active, key, seqno) => estimate.gain += size,
                // A flush folds the adds of a key into one.
                Kind::Add if is_hidden(&active, key, seqno) => {}
                Kind::Put | Kind::Pointer | Kind::Add => estimate.cost += size,
            }
        }
        let newest = &ranges[ranges.len().saturating_sub(MAX_RANGES)..];
        estimate.gain += version.files().map(|(_, meta)| covered_size(meta, newest)).sum::<u64>();
        estimate
    }
}

/// Whether a newer entry of the memtable hides a version.
fn is_hidden(memtable: &Memtable, key: &[u8], seqno: SeqNo) -> bool {
    let newest = memtable.get(key, KeyHash::of(key), SeqNo::MAX, |entry| entry.seqno);
    newest.max(memtable.covering(key, SeqNo::MAX)).is_some_and(|newest| newest > seqno)
}

/// How much of a file and its values lies under ranges: all, nothing, or half where it is not
/// known.
fn covered_size(meta: &SstMeta, ranges: &[(&[u8], &[u8])]) -> u64 {
    let size = meta.size + meta.values.iter().map(|share| share.size).sum::<u64>();
    let overlap = ranges.iter().filter(|(start, end)| *start < &*meta.end && *end > &*meta.smallest);
    let shares = overlap.map(|(start, end)| {
        let is_whole = *start <= &*meta.smallest && *end >= &*meta.end;
        if is_whole { size } else { size / 2 }
    });
    shares.max().unwrap_or_default()
}
