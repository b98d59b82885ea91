//! The sequence numbers that readers have pinned. The lowest of them is the watermark: of the versions of a key at
//! or below it only the newest can ever be read again.
//!
//! Pins may have a limit of age. A number all of whose pins are older *lapses*: it holds nothing back any more, and whoever
//! reads at it is told that it is too old.
//!
//! 1. A number lapses under the lock under which the watermark and the boundaries are told, before anything is dropped
//!    because of them.
//! 2. So who first takes hold of what it reads from, and then finds that its pin has not lapsed, reads what the pin kept.

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
    /// The highest number that was told as a watermark or boundary: below it history may have been thinned out.
    told: AtomicU64,
    /// By number.
    held: Mutex<VecDeque<PinnedSeqno>>,
}

/// A number that is pinned at least once.
#[derive(Debug)]
struct PinnedSeqno {
    at: SeqNo,
    count: usize,
    /// When the first of its pins began, and the last.
    oldest: Duration,
    youngest: Duration,
    lapsed: Expired,
}

/// Whether a number has lapsed; there is nothing to be asked where pins have no limit of age.
type Expired = Option<Arc<AtomicBool>>;

/// The oldest pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Oldest {
    pub(crate) at: SeqNo,
    /// How long ago it began.
    pub(crate) age: Duration,
}

impl Snapshots {
    /// Nothing is pinned yet. Pins lapse that are older than `age_limit` by the machine's clock.
    pub(crate) fn new(env: Arc<dyn Env>, age_limit: Option<Duration>) -> Self {
        Self { env, age_limit, told: AtomicU64::new(0), held: Mutex::default() }
    }

    /// Pins the number that `now` gives. It is asked under the lock, so that the watermark cannot pass it in between.
    pub(crate) fn pin(self: &Arc<Self>, now: impl FnOnce() -> SeqNo) -> Pin {
        let since = self.env.monotonic_clock();
        let mut held = self.held.lock();
        let at = now();
        // Most pins are of the highest number.
        let place = match held.back() {
            Some(last) if last.at >= at => held.partition_point(|held| held.at < at),
            _ => held.len(),
        };
        if held.get(place).is_none_or(|held| held.at != at) {
            let lapsed = self.age_limit.map(|_| Arc::default());
            held.insert(place, PinnedSeqno { at, count: 0, oldest: since, youngest: since, lapsed });
        }
        let found = &mut held[place];
        found.count += 1;
        found.youngest = found.youngest.max(since);
        Pin { at, since, lapsed: found.lapsed.clone(), snapshots: Arc::clone(self) }
    }

    /// The lowest pinned number, or what `now` gives when there is none.
    pub(crate) fn watermark(&self, now: impl FnOnce() -> SeqNo) -> SeqNo {
        let mut held = self.held.lock();
        self.expire(&mut held);
        self.tell(held.front().map_or_else(now, |lowest| lowest.at))
    }

    /// Every number at which somebody reads or may begin to read from now on, in order, as far as it is known: the
    /// pinned ones and what `now` gives. A pin of later on is not below what `now` gives.
    pub(crate) fn boundaries(&self, now: impl FnOnce() -> SeqNo) -> Vec<SeqNo> {
        let mut held = self.held.lock();
        self.expire(&mut held);
        let mut boundaries: Vec<SeqNo> = held.iter().map(|held| held.at).collect();
        boundaries.push(now());
        boundaries.sort_unstable();
        boundaries.dedup();
        if let Some(last) = boundaries.last() {
            self.tell(*last);
        }
        boundaries
    }

    /// Whether every entry above `at` is where it was written, with its number: no flush and no merge has dropped one. What holds of a
    /// view that was loaded before this is asked.
    pub(crate) fn is_history_whole_above(&self, at: SeqNo) -> bool {
        self.told.load(Ordering::Acquire) <= at.0
    }

    /// Notes a number before anything is dropped because of it.
    fn tell(&self, at: SeqNo) -> SeqNo {
        self.told.fetch_max(at.0, Ordering::AcqRel);
        at
    }

    /// How many pins there are that have not lapsed.
    pub(crate) fn count(&self) -> usize {
        self.held.lock().iter().map(|held| held.count).sum()
    }

    /// The pin that holds the most back.
    pub(crate) fn oldest(&self) -> Option<Oldest> {
        let now = self.env.monotonic_clock();
        let held = self.held.lock();
        held.front().map(|held| Oldest { at: held.at, age: now.saturating_sub(held.oldest) })
    }

    /// Lets go of the numbers whose pins are all too old.
    fn expire(&self, held: &mut VecDeque<PinnedSeqno>) {
        let Some(limit) = self.age_limit else { return };
        let now = self.env.monotonic_clock();
        held.retain(|held| {
            let lapses = now.saturating_sub(held.youngest) > limit;
            if lapses && let Some(lapsed) = &held.lapsed {
                lapsed.store(true, Ordering::Release);
            }
            !lapses
        });
    }
}

/// A pinned sequence number; dropping it lets go.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pin {
    at: SeqNo,
    since: Duration,
    lapsed: Expired,
    snapshots: Arc<Snapshots>,
}

impl Pin {
    pub(crate) fn at(&self) -> SeqNo {
        self.at
    }

    /// [`Error::SnapshotTooOld`] when what the number needs may have been dropped from whatever is taken hold of from now
    /// on. To be asked *after* taking hold of what is read from.
    pub(crate) fn ensure_held(&self) -> Result<()> {
        let (Some(lapsed), Some(limit)) = (&self.lapsed, self.snapshots.age_limit) else { return Ok(()) };
        let age = self.snapshots.env.monotonic_clock().saturating_sub(self.since);
        if age > limit || lapsed.load(Ordering::Acquire) { Err(Error::SnapshotTooOld) } else { Ok(()) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut held = self.snapshots.held.lock();
        let Ok(place) = held.binary_search_by_key(&self.at, |held| held.at) else { return };
        let found = &mut held[place];
        // The number may have lapsed and been pinned again since; that pin is another's.
        if found.lapsed.as_ref().map(Arc::as_ptr) != self.lapsed.as_ref().map(Arc::as_ptr) {
            return;
        }
        found.count -= 1;
        if found.count == 0 {
            held.remove(place);
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
        // The same number again, by somebody else: those that lapsed do not let go of it.
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
        // A cleaner raises `dropped` to the watermark; a reader takes hold of it first and asks its pin afterwards.
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
