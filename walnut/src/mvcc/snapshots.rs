//! The sequence numbers that snapshots have pinned. The lowest of them is the watermark: of the
//! versions of a key at or below it only the newest can ever be read again.
//!
//! Pins may have an age limit. A sequence number *expires* when all of its pins are older: it holds
//! no version back any more, and a reader at it gets [`Error::SnapshotTooOld`].
//!
//! 1. A number expires under the same lock under which the watermark and the boundaries are
//!    computed, before any version is dropped because of them.
//! 2. So a reader that first acquires its view, and then finds that its pin has not expired, reads
//!    the versions that the pin kept.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::SeqNo;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};

/// The pinned sequence numbers.
#[derive(Debug)]
pub(crate) struct Snapshots {
    env: Arc<dyn Env>,
    age_limit: Option<Duration>,
    /// The highest watermark or boundary ever returned: below it versions may have been dropped.
    dropped_up_to: AtomicU64,
    /// In ascending order.
    pinned: Mutex<VecDeque<PinnedSeqno>>,
}

/// A sequence number with at least one pin.
#[derive(Debug)]
struct PinnedSeqno {
    at: SeqNo,
    count: usize,
    /// The times of its first pin and of its last.
    oldest: Duration,
    youngest: Duration,
    expired: Expired,
}

/// Set when a number has expired; `None` without an age limit.
type Expired = Option<Arc<AtomicBool>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Oldest {
    pub(crate) at: SeqNo,
    pub(crate) age: Duration,
}

impl Snapshots {
    /// Pins expire that are older than `age_limit` by the monotonic clock.
    pub(crate) fn new(env: Arc<dyn Env>, age_limit: Option<Duration>) -> Self {
        Self { env, age_limit, dropped_up_to: AtomicU64::new(0), pinned: Mutex::default() }
    }

    /// Pins the number that `now` returns. It is called under the lock, so that the watermark
    /// cannot pass it in between.
    pub(crate) fn pin(self: &Arc<Self>, now: impl FnOnce() -> SeqNo) -> Pin {
        let since = self.env.monotonic_clock();
        let mut pinned = self.pinned.lock();
        let at = now();
        // Most pins are of the highest number.
        let index = match pinned.back() {
            Some(last) if last.at >= at => pinned.partition_point(|pinned| pinned.at < at),
            _ => pinned.len(),
        };
        if pinned.get(index).is_none_or(|pinned| pinned.at != at) {
            let expired = self.age_limit.map(|_| Arc::default());
            pinned.insert(index, PinnedSeqno { at, count: 0, oldest: since, youngest: since, expired });
        }
        let found = &mut pinned[index];
        found.count += 1;
        found.youngest = found.youngest.max(since);
        Pin { at, since, expired: found.expired.clone(), snapshots: Arc::clone(self) }
    }

    /// The lowest pinned number, or `now` when there is none.
    pub(crate) fn watermark(&self, now: impl FnOnce() -> SeqNo) -> SeqNo {
        let mut pinned = self.pinned.lock();
        self.expire(&mut pinned);
        self.record_drop(pinned.front().map_or_else(now, |lowest| lowest.at))
    }

    /// Every known number at which a reader reads or may start to read, in ascending order: the
    /// pinned ones and `now`. A later pin is not below `now`.
    pub(crate) fn boundaries(&self, now: impl FnOnce() -> SeqNo) -> Vec<SeqNo> {
        let mut pinned = self.pinned.lock();
        self.expire(&mut pinned);
        let mut boundaries: Vec<SeqNo> = pinned.iter().map(|pinned| pinned.at).collect();
        boundaries.push(now());
        boundaries.sort_unstable();
        boundaries.dedup();
        if let Some(last) = boundaries.last() {
            self.record_drop(*last);
        }
        boundaries
    }

    /// Whether every entry above `at` still exists with its sequence number: no flush or compaction
    /// has dropped one. Holds for a view that was loaded before the call.
    pub(crate) fn is_history_whole_above(&self, at: SeqNo) -> bool {
        self.dropped_up_to.load(Ordering::Acquire) <= at.0
    }

    /// Records a number before any version is dropped because of it.
    fn record_drop(&self, at: SeqNo) -> SeqNo {
        self.dropped_up_to.fetch_max(at.0, Ordering::AcqRel);
        at
    }

    /// The number of pins that have not expired.
    pub(crate) fn count(&self) -> usize {
        self.pinned.lock().iter().map(|pinned| pinned.count).sum()
    }

    /// The pin at the lowest number.
    pub(crate) fn oldest(&self) -> Option<Oldest> {
        let now = self.env.monotonic_clock();
        let pinned = self.pinned.lock();
        pinned.front().map(|pinned| Oldest { at: pinned.at, age: now.saturating_sub(pinned.oldest) })
    }

    /// Removes the numbers all of whose pins are too old.
    fn expire(&self, pinned: &mut VecDeque<PinnedSeqno>) {
        let Some(limit) = self.age_limit else { return };
        let now = self.env.monotonic_clock();
        pinned.retain(|pinned| {
            let expires = now.saturating_sub(pinned.youngest) > limit;
            if expires && let Some(expired) = &pinned.expired {
                expired.store(true, Ordering::Release);
            }
            !expires
        });
    }
}

/// A pinned sequence number; dropping it unpins the number.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pin {
    at: SeqNo,
    since: Duration,
    expired: Expired,
    snapshots: Arc<Snapshots>,
}

impl Pin {
    pub(crate) fn at(&self) -> SeqNo {
        self.at
    }

    /// Fails with [`Error::SnapshotTooOld`] when versions that the pin needs may be missing from a
    /// view that is acquired from now on. Must be called *after* the view is acquired.
    pub(crate) fn ensure_held(&self) -> Result<()> {
        let (Some(expired), Some(limit)) = (&self.expired, self.snapshots.age_limit) else { return Ok(()) };
        let age = self.snapshots.env.monotonic_clock().saturating_sub(self.since);
        if age > limit || expired.load(Ordering::Acquire) { Err(Error::SnapshotTooOld) } else { Ok(()) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pinned = self.snapshots.pinned.lock();
        let Ok(index) = pinned.binary_search_by_key(&self.at, |pinned| pinned.at) else { return };
        let found = &mut pinned[index];
        // The number may have expired and been pinned again since; then this entry is not the
        // pin's.
        if found.expired.as_ref().map(Arc::as_ptr) != self.expired.as_ref().map(Arc::as_ptr) {
            return;
        }
        found.count -= 1;
        if found.count == 0 {
            pinned.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::env::MemoryEnv;

    fn snapshots(age_limit: Option<Duration>) -> (MemoryEnv, Arc<Snapshots>) {
        let env = MemoryEnv::new();
        (env.clone(), Arc::new(Snapshots::new(Arc::new(env), age_limit)))
    }

    #[test]
    fn the_watermark_is_the_lowest_pin_and_follows_the_drops() {
        let (_, snapshots) = snapshots(None);
        let now = || SeqNo(9);
        assert_eq!(snapshots.watermark(now), SeqNo(9));
        let (first, second, third) =
            (snapshots.pin(|| SeqNo(3)), snapshots.pin(|| SeqNo(3)), snapshots.pin(|| SeqNo(5)));
        assert_eq!(snapshots.count(), 3);
        assert_eq!(snapshots.boundaries(now), [3, 5, 9].map(SeqNo));
        assert_eq!(
            snapshots.boundaries(|| SeqNo(4)),
            [3, 4, 5].map(SeqNo),
            "a writer pins what is not yet visible"
        );
        assert_eq!(snapshots.boundaries(|| SeqNo(5)), [3, 5].map(SeqNo));
        drop(first);
        assert_eq!(snapshots.watermark(now), SeqNo(3));
        drop(second);
        assert_eq!(snapshots.watermark(now), SeqNo(5));
        let below = snapshots.pin(|| SeqNo(4));
        assert_eq!(snapshots.boundaries(now), [4, 5, 9].map(SeqNo));
        drop((below, third));
        assert_eq!(snapshots.watermark(now), SeqNo(9));
        assert_eq!((snapshots.count(), snapshots.oldest()), (0, None));
    }

    #[test]
    fn a_number_lapses_when_the_youngest_of_its_pins_is_too_old() {
        let (env, snapshots) = snapshots(Some(Duration::from_secs(60)));
        let now = || SeqNo(9);
        let old = snapshots.pin(|| SeqNo(3));
        env.advance(Duration::from_secs(40));
        let young = snapshots.pin(|| SeqNo(3));
        assert!(snapshots.oldest().is_some_and(|oldest| oldest.age >= Duration::from_secs(40)));
        env.advance(Duration::from_secs(40));
        assert_eq!(snapshots.watermark(now), SeqNo(3), "it is held by the younger one");
        assert!(matches!(old.ensure_held(), Err(Error::SnapshotTooOld)), "each pin has an age of its own");
        young.ensure_held().expect("it is young");
        env.advance(Duration::from_secs(40));
        assert_eq!((snapshots.count(), snapshots.watermark(now)), (2, SeqNo(9)));
        assert!(matches!(young.ensure_held(), Err(Error::SnapshotTooOld)));
        assert_eq!((snapshots.count(), snapshots.boundaries(now)), (0, vec![SeqNo(9)]));
        // The same number again, by another snapshot: the expired pins do not unpin it.
        let again = snapshots.pin(|| SeqNo(3));
        drop((old, young));
        assert_eq!((snapshots.count(), snapshots.watermark(now)), (1, SeqNo(3)));
        again.ensure_held().expect("it is young");
    }

    #[test]
    fn without_a_limit_a_pin_never_lapses() {
        let (env, snapshots) = snapshots(None);
        let pin = snapshots.pin(|| SeqNo(3));
        env.advance(Duration::from_secs(1_000_000_000));
        assert_eq!(snapshots.watermark(|| SeqNo(9)), SeqNo(3));
        pin.ensure_held().expect("it has no age");
    }

    #[test]
    fn who_finds_that_its_pin_holds_reads_what_was_not_dropped() {
        // A compaction raises `dropped` to the watermark; a reader loads it first and checks its
        // pin afterwards.
        let limit = Duration::from_millis(1);
        let (env, snapshots) = snapshots(Some(limit));
        let (dropped, now) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let cleaner = scope.spawn(|| {
                for _ in 0..2000 {
                    env.advance(limit / 3);
                    let next = SeqNo(now.fetch_add(1, Ordering::SeqCst) + 1);
                    dropped.fetch_max(snapshots.watermark(|| next).0, Ordering::SeqCst);
                }
            });
            while !cleaner.is_finished() {
                let pin = snapshots.pin(|| SeqNo(now.load(Ordering::SeqCst)));
                for _ in 0..20 {
                    let held = dropped.load(Ordering::SeqCst);
                    if pin.ensure_held().is_ok() {
                        assert!(held <= pin.at().0, "{held} was dropped under {:?}", pin.at());
                    }
                }
            }
        });
    }
}
