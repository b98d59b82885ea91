//! What an attempt has read of the pinned state: keys, there or not, and ranges.

use crate::base::KeyRange;
use crate::sync::Mutex;

/// The notes of one attempt. Once they are taken, nothing more is noted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    keys: Vec<Vec<u8>>,
    ranges: Vec<KeyRange>,
    taken: bool,
}

impl Notes {
    /// Notes that `key` was looked for.
    pub(super) fn key(&self, key: &[u8]) {
        let mut noted = self.noted.lock();
        if !noted.taken {
            noted.keys.push(key.to_vec());
        }
    }

    /// Notes that everything from `start` up to `end` was looked at, in the place of what stands in `slot`.
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

    /// All that was noted, each key once.
    pub(super) fn take(&self) -> (Vec<Vec<u8>>, Vec<KeyRange>) {
        let mut noted = self.noted.lock();
        noted.taken = true;
        let (mut keys, ranges) = (std::mem::take(&mut noted.keys), std::mem::take(&mut noted.ranges));
        drop(noted);
        keys.sort_unstable();
        keys.dedup();
        (keys, ranges)
    }
}
