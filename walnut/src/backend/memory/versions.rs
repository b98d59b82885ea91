//! The reference engine's multi-version map: a skip list of keys, each with its versions, the
//! newest first.

use std::cmp::Reverse;
use std::ops::Bound;

use crossbeam_skiplist::SkipMap;

use crate::backend::Page;

/// The number of a commit; 0 is the state before the first one.
pub(super) type Version = u64;

type VersionedKey = (Vec<u8>, Reverse<Version>);

/// Every version of every key that a session may still read; a removal is a version without value.
#[derive(Debug, Default)]
pub(super) struct VersionMap {
    map: SkipMap<VersionedKey, Option<Box<[u8]>>>,
}

impl VersionMap {
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.map.len()
    }

    pub(super) fn get(&self, key: &[u8], at: Version) -> Option<Vec<u8>> {
        let seen = (key.to_vec(), Reverse(at));
        let found = self.map.lower_bound(Bound::Included(&seen)).filter(|entry| entry.key().0 == key)?;
        found.value().as_ref().map(|value| value.to_vec())
    }

    /// Whether a commit after `at` has written `key`.
    pub(super) fn has_changed(&self, key: &[u8], at: Version) -> bool {
        let newest = (key.to_vec(), Reverse(Version::MAX));
        let found = self.map.lower_bound(Bound::Included(&newest)).filter(|entry| entry.key().0 == key);
        found.is_some_and(|entry| entry.key().1.0 > at)
    }

    /// Whether a commit after `at` has written a key from `start` to `end`.
    pub(super) fn has_range_changed(&self, start: &[u8], end: Option<&[u8]>, at: Version) -> bool {
        let from = (start.to_vec(), Reverse(Version::MAX));
        let entries = self.map.range((Bound::Included(from), Bound::Unbounded));
        let mut within = entries.take_while(|entry| end.is_none_or(|end| entry.key().0.as_slice() < end));
        within.any(|entry| entry.key().1.0 > at)
    }

    /// The live keys from `start` to `end`, in order.
    pub(super) fn keys(&self, start: &[u8], end: &[u8], at: Version) -> Vec<Vec<u8>> {
        let page = self.page((start, Some(end)), usize::MAX, false, at);
        page.entries.into_iter().map(|(key, _)| key).collect()
    }

    pub(super) fn page(
        &self,
        (start, end): (&[u8], Option<&[u8]>),
        limit: usize,
        reverse: bool,
        at: Version,
    ) -> Page {
        let mut page = Page::default();
        // The bound from which the walk goes on: `start` of a forward walk, `end` of a reverse one.
        let mut bound = if reverse { end.map(<[u8]>::to_vec) } else { Some(start.to_vec()) };
        while page.entries.len() < limit {
            let next =
                if reverse { self.key_below(bound.as_deref()) } else { self.key_from(bound.as_deref()) };
            let is_within =
                |key: &Vec<u8>| key.as_slice() >= start && end.is_none_or(|end| key.as_slice() < end);
            let Some(key) = next.filter(is_within) else { return page };
            bound = Some(if reverse { key.clone() } else { [key.as_slice(), &[0]].concat() });
            if let Some(value) = self.get(&key, at) {
                page.entries.push((key, value));
            }
        }
        page.rest = bound;
        page
    }

    fn key_from(&self, start: Option<&[u8]>) -> Option<Vec<u8>> {
        let from = (start.unwrap_or_default().to_vec(), Reverse(Version::MAX));
        self.map.lower_bound(Bound::Included(&from)).map(|entry| entry.key().0.clone())
    }

    fn key_below(&self, end: Option<&[u8]>) -> Option<Vec<u8>> {
        let below = end.map(|end| (end.to_vec(), Reverse(Version::MAX)));
        let bound = below.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        self.map.upper_bound(bound).map(|entry| entry.key().0.clone())
    }

    /// Adds a version of `key`, and drops the versions of it that no session from `oldest` on
    /// reads.
    pub(super) fn write(&self, key: &[u8], value: Option<&[u8]>, version: Version, oldest: Version) {
        self.map.insert((key.to_vec(), Reverse(version)), value.map(Into::into));
        let seen = (key.to_vec(), Reverse(oldest));
        let mut versions =
            self.map.range((Bound::Included(seen), Bound::Included((key.to_vec(), Reverse(0)))));
        // The first is what a session at `oldest` reads. A removal is the same as no version.
        let Some(first) = versions.next() else { return };
        for entry in versions {
            entry.remove();
        }
        if first.value().is_none() {
            first.remove();
        }
    }
}
