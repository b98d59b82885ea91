//! Scans for dead ranges after deletions, so that they are known before a reader has to step over
//! them.
//!
//! ```text
//!   commits that delete ──1,024 tombstones──► a scan from each deleted key to the next live one,
//!                                             in the flush thread, or in a commit of that many
//! ```
//!
//! 1. Such a scan is a reader as any other: what it passes is dead by the rules of
//!    [`DeadRanges`](crate::mvcc::DeadRanges). It decides nothing, and may be late or left out.
//! 2. It starts where the dead range before its first key ends, and ends where the one behind its
//!    last key starts. So ranges that are deleted piece by piece become one. Where none is known
//!    before it, one scan goes backward from its first key: a replay of a long log has written
//!    earlier tombstones to SSTs.
//! 3. A flush writes a range tombstone for a dead range in place of the tombstones in it that it
//!    would have to write, so that the range is sought past after a reopening, too, and files that
//!    it covers are removed unread.
//! 4. A scan during which a flush or a merge begins may not be remembered. It is repeated, and its
//!    keys are looked at again with the next ones if that did not help.
//! 5. Deletions of keys among live ones have no such ranges. Scans from three of the deleted keys
//!    find that out, and then twice as many tombstones are waited for the next time.

use std::collections::BTreeMap;
use std::sync::Weak;

use crate::base::{Fragment, KeyRange, Kind, SeqNo, after};
use crate::cursor::{Direction, EntryCursor, steps};
use crate::engine::read::view::{Frozen, View};
use crate::engine::{Core, EngineScan};
use crate::error::Result;
use crate::memtable::{Memtable, MemtableCursor};
use crate::mvcc::DeadRanges;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};

/// The number of tombstones after which the deleted keys are scanned, and its limit while scans are
/// in vain.
const MIN_INTERVAL: u64 = 1 << 10;
const MAX_INTERVAL: u64 = 8 << 10;

/// Intervals after which a commit makes a scan that the flush thread has not made.
const LATE: u64 = 4;

/// Tombstones that are scanned together at most, in memory of 16 bytes each.
const MAX_KEYS: usize = 64 << 10;

/// Tombstones without a live key between them that are worth a scan: so many, and this part of all
/// in the keyspace.
const WORTH: usize = 16;
const SHARE: usize = 16;

/// The most scans of one keyspace, so that its dead ranges leave room for those of others.
const MAX_SCANS: usize = 8;

/// Scans of one range at most, until it is remembered.
const MAX_TRIES: usize = 3;

/// The length of a keyspace's id.
const PREFIX: usize = 4;

/// What scans between deleted keys have found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DeadScan {
    /// Live keys between most of the deleted ones.
    LiveKeys,
    /// Dead ranges, all of which are known now.
    DeadRanges,
    /// Dead ranges that could not be remembered.
    Unremembered,
}

/// The tombstones around which dead ranges are not known yet.
#[derive(Debug)]
pub(in crate::engine) struct DeadScans {
    core: Weak<Core>,
    /// All of them are above this seqno.
    since: AtomicU64,
    count: AtomicU64,
    interval: AtomicU64,
    scanning: Mutex<()>,
}

impl DeadScans {
    /// `is_due` says that tombstones may be in the memtables of `core`.
    pub(in crate::engine) fn new(core: &Weak<Core>, is_due: bool) -> Self {
        Self {
            core: Weak::clone(core),
            since: AtomicU64::new(if is_due { 0 } else { u64::MAX }),
            count: AtomicU64::new(if is_due { MIN_INTERVAL } else { 0 }),
            interval: AtomicU64::new(MIN_INTERVAL),
            scanning: Mutex::default(),
        }
    }

    fn is_due(&self) -> bool {
        self.is_above(1)
    }

    /// Whether a scan is due, and the flush thread does not keep up.
    fn is_late(&self) -> bool {
        self.is_above(LATE)
    }

    fn is_above(&self, intervals: u64) -> bool {
        self.count.load(Ordering::Relaxed) >= intervals * self.interval.load(Ordering::Relaxed)
    }

    fn add(&self, count: u64, since: SeqNo) {
        self.since.fetch_min(since.0, Ordering::AcqRel);
        self.count.fetch_add(count, Ordering::AcqRel);
    }
}

impl Core {
    /// Counts the tombstones of a commit that is visible; all of them are above `since`. The flush
    /// thread makes a scan that is due. The commit makes it itself if it alone has that many
    /// tombstones, if the flush thread does not keep up, or if there is none.
    pub(in crate::engine) fn note_tombstones(&self, count: u64, since: SeqNo) {
        let scans = &self.dead_scans;
        let is_many = count >= scans.interval.load(Ordering::Relaxed);
        let is_own = self.workers.is_manual() || is_many || scans.is_late();
        // Locked before the scan is due, so that the flush thread does not begin it.
        let scanning = if is_own { scans.scanning.try_lock() } else { None };
        scans.add(count, since);
        if scanning.is_some() {
            self.scan_if_due();
        }
        drop(scanning);
        if scans.is_due() && !self.workers.is_manual() {
            self.workers.flusher.wake();
        }
    }

    /// Scans between the deleted keys if there are many; returns whether that was worth it. A scan
    /// that fails is left out: a reader of the same keys gets the error.
    pub(in crate::engine) fn scan_for_dead_ranges(&self) -> bool {
        let scanning = self.dead_scans.scanning.try_lock();
        scanning.is_some() && self.scan_if_due()
    }

    /// The caller holds `scanning`.
    fn scan_if_due(&self) -> bool {
        let scans = &self.dead_scans;
        if !scans.is_due() {
            return false;
        }
        scans.count.store(0, Ordering::Release);
        self.scan_deleted()
    }

    /// The same, due or not.
    pub(in crate::engine) fn scan_deleted(&self) -> bool {
        let scans = &self.dead_scans;
        let since = SeqNo(scans.since.swap(u64::MAX, Ordering::AcqRel));
        let view = self.versions.view_full();
        let mut deleted = deleted_keys(&view, since).peekable();
        if deleted.peek().is_none() {
            return false;
        }
        let was_worth = steps::uncounted(|| {
            let mut was_worth = false;
            while deleted.peek().is_some() {
                let mut keyspaces = BTreeMap::<_, Vec<_>>::new();
                for key in deleted.by_ref().take(MAX_KEYS) {
                    keyspaces.entry(&key[..PREFIX.min(key.len())]).or_default().push(key);
                }
                for keys in keyspaces.into_values() {
                    let found = self.scan_between(keys).unwrap_or(DeadScan::LiveKeys);
                    was_worth |= found != DeadScan::LiveKeys;
                    if found == DeadScan::Unremembered {
                        scans.add(0, since);
                    }
                }
            }
            was_worth
        });
        let interval = scans.interval.load(Ordering::Relaxed);
        let next = if was_worth { MIN_INTERVAL } else { (2 * interval).min(MAX_INTERVAL) };
        scans.interval.store(next, Ordering::Relaxed);
        was_worth
    }

    /// Scans from the lowest of these keys, which are of one keyspace, to the next live key, from
    /// the lowest key behind that on, and so on, if many are close together: then a scan from one
    /// of their quartiles passes many.
    fn scan_between(&self, mut keys: Vec<&[u8]>) -> Result<DeadScan> {
        if keys.len() < WORTH {
            return Ok(DeadScan::LiveKeys);
        }
        let wanted = (keys.len() / SHARE).max(WORTH);
        let quartiles = [2, 1, 3].map(|part| {
            let index = keys.len() * part / 4;
            *keys.select_nth_unstable(index).1
        });
        let (Some(first), Some(last)) = (keys.iter().min(), keys.iter().max()) else {
            return Ok(DeadScan::LiveKeys);
        };
        let (mut before, behind) = self.dead.beside(first, last);
        let is_here = |key: &Vec<u8>| key.get(..PREFIX) == first.get(..PREFIX);
        let end = behind.filter(is_here).map_or_else(|| after(last), |behind| after(&behind));
        let Some(core) = self.dead_scans.core.upgrade() else { return Ok(DeadScan::LiveKeys) };
        let scan_from = |start: &[u8]| {
            let range = KeyRange { start: start.to_vec(), end: Some(end.clone()) };
            let mut scan = EngineScan::new(&core, self.versions.view_full(), self.visible(), range);
            let live = scan.next()?.map(|found| found.key.to_vec());
            let is_passed = |key: &&&[u8]| start <= **key && live.as_ref().is_none_or(|live| **key < &**live);
            Ok((keys.iter().filter(is_passed).count(), live))
        };
        let passes_many = |key: &[u8]| scan_from(key).is_ok_and(|(passed, _)| passed >= wanted);
        if !quartiles.into_iter().any(passes_many) {
            return Ok(DeadScan::LiveKeys);
        }
        if before.as_ref().is_none_or(|before| !is_here(before)) {
            let start = first.get(..PREFIX).unwrap_or_default().to_vec();
            let range = KeyRange { start, end: Some(first.to_vec()) };
            EngineScan::new(&core, self.versions.view_full(), self.visible(), range).next_back()?;
            (before, _) = self.dead.beside(first, last);
        }
        let mut found = DeadScan::DeadRanges;
        let mut start = before.filter(is_here).unwrap_or_else(|| first.to_vec());
        for _ in 0..MAX_SCANS {
            let (mut passed, mut live) = scan_from(&start)?;
            for _ in 1..MAX_TRIES {
                if passed < WORTH || self.is_known_to_be_dead(&start) {
                    break;
                }
                (passed, live) = scan_from(&start)?;
            }
            if passed >= WORTH && !self.is_known_to_be_dead(&start) {
                found = DeadScan::Unremembered;
            }
            let Some(live) = live else { break };
            let Some(next) = keys.iter().filter(|key| **key > &*live).min() else { break };
            start = next.to_vec();
        }
        Ok(found)
    }

    fn is_known_to_be_dead(&self, key: &[u8]) -> bool {
        self.dead.around(key, self.visible()).is_some()
    }
}

impl Core {
    /// A range tombstone for each dead range in which a memtable has many tombstones, most of which
    /// hide something as far as filters tell, in key order. `boundaries` are the seqnos at which
    /// readers read; `denies` says that a key is in no SST.
    ///
    /// Such a range tombstone has the seqno of the newest entry that the memtable had there when
    /// the range was found to be dead. From that one on nothing in the range has been live, and
    /// later puts are newer. It is written only where no reader is below that seqno: such a reader
    /// sees what it would hide, and a transaction there would take it for a change.
    pub(in crate::engine) fn dead_fragments(
        &self,
        frozen: &Frozen,
        boundaries: &[SeqNo],
        denies: &dyn Fn(&[u8]) -> bool,
    ) -> Vec<Fragment> {
        let Some(&lowest) = boundaries.first() else { return Vec::new() };
        let memtable = &frozen.memtable;
        let fragment = |(range, from): (KeyRange, SeqNo)| {
            if memtable.newest_range_tombstone(&range, memtable.base()).is_some() {
                return None;
            }
            let (mut count, mut needed, mut newest) = (0, 0, SeqNo::ZERO);
            let mut cursor = MemtableCursor::new(Arc::clone(memtable), &range, Direction::Forward);
            while let Some(entry) = cursor.entry() {
                if entry.seqno <= from {
                    if entry.kind == Kind::Delete {
                        count += 1;
                        needed += usize::from(!denies(entry.key));
                    }
                    newest = newest.max(entry.seqno);
                }
                cursor.advance().ok()?;
            }
            let KeyRange { start, end: Some(end) } = range else { return None };
            let is_worth = needed >= WORTH.max(count / 2) && newest <= lowest;
            is_worth.then(|| Fragment { start, end, seqnos: vec![newest] })
        };
        // What was found since then may have pushed out what was known then.
        let mut dead = self.dead.dead_at(memtable.max_lsn());
        dead.extend_from_slice(&frozen.dead);
        DeadRanges::unite(dead).into_iter().filter_map(fragment).collect()
    }
}

/// The keys that the memtables delete above a seqno, in the order of their tombstones.
fn deleted_keys(view: &View, since: SeqNo) -> impl Iterator<Item = &[u8]> {
    let memtables: Vec<&Arc<Memtable>> = view.memtables().collect();
    let entries = memtables.into_iter().rev().flat_map(move |memtable| memtable.entries_since(since));
    entries.filter(|entry| entry.kind == Kind::Delete).map(|entry| entry.key)
}
