//! The sequence numbers that readers have pinned. The lowest of them is the watermark: of the versions of a key at
//! or below it only the newest can ever be read again.

use std::collections::BTreeMap;

use crate::base::SeqNo;
use crate::sync::{Arc, Mutex};

/// The pinned sequence numbers, each with how often it is.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    pinned: Mutex<BTreeMap<SeqNo, usize>>,
}

impl Snapshots {
    /// Pins the number that `now` gives. It is asked under the lock, so that the watermark cannot pass it in between.
    pub(crate) fn pin(self: &Arc<Self>, now: impl FnOnce() -> SeqNo) -> Pin {
        let mut pinned = self.pinned.lock();
        let at = now();
        *pinned.entry(at).or_default() += 1;
        Pin { at, snapshots: Arc::clone(self) }
    }

    /// The lowest pinned number, or what `now` gives when there is none.
    pub(crate) fn watermark(&self, now: impl FnOnce() -> SeqNo) -> SeqNo {
        let pinned = self.pinned.lock();
        pinned.keys().next().copied().unwrap_or_else(now)
    }

    /// Every number at which somebody reads or may begin to read from now on, in order, as far as it is known: the
    /// pinned ones and what `now` gives. A pin of later on is not below what `now` gives.
    pub(crate) fn boundaries(&self, now: impl FnOnce() -> SeqNo) -> Vec<SeqNo> {
        let pinned = self.pinned.lock();
        let mut boundaries: Vec<SeqNo> = pinned.keys().copied().collect();
        boundaries.push(now());
        boundaries.sort_unstable();
        boundaries.dedup();
        boundaries
    }

    /// How many pins there are.
    pub(crate) fn count(&self) -> usize {
        self.pinned.lock().values().sum()
    }
}

/// A pinned sequence number; dropping it lets go.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pin {
    at: SeqNo,
    snapshots: Arc<Snapshots>,
}

impl Pin {
    pub(crate) fn at(&self) -> SeqNo {
        self.at
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pinned = self.snapshots.pinned.lock();
        if let Some(count) = pinned.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                pinned.remove(&self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_the_lowest_pin_and_follows_the_drops() {
        let snapshots = Arc::new(Snapshots::default());
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
        drop(third);
        assert_eq!(snapshots.watermark(now), SeqNo(9));
    }
}
