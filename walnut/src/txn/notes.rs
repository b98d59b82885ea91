//! What an attempt has read of the pinned state: keys, there or not, and ranges.

use crate::base::{KeyHash, KeyRange, KeySet};
use crate::sync::Mutex;

/// Whether new attempts note nothing, to measure what notes cost. Nothing is isolated from anything
/// then.
#[cfg(feature = "untracked")]
static UNTRACKED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Has attempts that begin from now on note nothing, or note what they read again.
#[cfg(feature = "untracked")]
pub fn leave_conflicts_unnoticed(unnoticed: bool) {
    UNTRACKED.store(unnoticed, std::sync::atomic::Ordering::Relaxed);
}

/// The notes of one attempt. Once they are taken, nothing more is noted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    keys: KeySet,
    ranges: Vec<KeyRange>,
    taken: bool,
}

impl Notes {
    /// Empty ones.
    pub(super) fn new() -> Self {
        let notes = Self::default();
        #[cfg(feature = "untracked")]
        if UNTRACKED.load(std::sync::atomic::Ordering::Relaxed) {
            notes.take();
        }
        notes
    }

    /// Notes that `key`, whose hash is given, was looked for.
    pub(super) fn key(&self, key: &[u8], hash: KeyHash) {
        let mut noted = self.noted.lock();
        if !noted.taken {
            noted.keys.insert(key, hash);
        }
    }

    /// Notes that everything from `start` up to `end` was looked at, in the place of what stands in
    /// `slot`.
    pub(super) fn range(&self, slot: &mut Option<usize>, start: &[u8], end: Option<&[u8]>) {
        let mut noted = self.noted.lock();
        if noted.taken {
            return;
        }
        let place = *slot.get_or_insert(noted.ranges.len());
        if place == noted.ranges.len() {
            noted.ranges.push(KeyRange { start: Vec::new(), end: None });
        }
        let range = &mut noted.ranges[place];
        start.clone_into(&mut range.start);
        match (end, &mut range.end) {
            (Some(end), Some(old)) => end.clone_into(old),
            (end, old) => *old = end.map(<[u8]>::to_vec),
        }
    }

    /// All that was noted: keys, and ranges in order and apart from each other.
    pub(super) fn take(&self) -> (KeySet, Vec<KeyRange>) {
        let mut noted = self.noted.lock();
        noted.taken = true;
        let (keys, ranges) = (std::mem::take(&mut noted.keys), std::mem::take(&mut noted.ranges));
        drop(noted);
        (keys, apart(ranges))
    }
}

/// The same ranges in order, those that meet as one.
fn apart(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    if ranges.len() < 2 {
        return ranges;
    }
    ranges.sort_unstable_by(|one, other| one.start.cmp(&other.start));
    let mut apart: Vec<KeyRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut() {
            Some(last) if last.end.as_ref().is_none_or(|end| *end >= range.start) => {
                // No end is the last of all.
                let goes_on = last.end.is_some() && (range.end.is_none() || range.end > last.end);
                if goes_on {
                    last.end = range.end;
                }
            }
            _ => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_that_are_apart_hold_the_same_keys(
            ranges in prop::collection::vec((0u8..20, prop::option::of(0u8..20)), 0..8),
        ) {
            let range = |(start, end): (u8, Option<u8>)| KeyRange { start: vec![start], end: end.map(|end| vec![end]) };
            let ranges: Vec<KeyRange> = ranges.into_iter().map(range).filter(|range| !range.is_empty()).collect();
            let apart = apart(ranges.clone());
            for key in 0..22 {
                let holds = |range: &&KeyRange| range.contains(&[key]);
                prop_assert_eq!(ranges.iter().any(|range| holds(&range)), apart.iter().filter(holds).count() == 1);
                prop_assert!(apart.iter().filter(holds).count() < 2);
            }
            let in_order = apart.windows(2).all(|pair| pair[0].end.as_ref().is_some_and(|end| *end < pair[1].start));
            prop_assert!(in_order, "{:?}", apart);
        }
    }
}
