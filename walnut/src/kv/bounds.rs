//! Ranges of keys as callers write them, and the engine keys of a keyspace: its id, then the
//! caller's key.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use super::{MAX_KEY_SIZE, MAX_VALUE_SIZE};
use crate::base::{KeyRange, after, successor};
use crate::error::{Error, Limit, Result};

/// What can stand for a range of keys: every range of the standard library over anything that is
/// bytes, and a pair of [`Bound`]s. A range whose end lies before its start is empty. A bound may
/// be longer than any key: keys compare with it as bytes do.
///
/// Both ends are of one type, so that `"a".."bc"` is a range and `b"a"..b"bc"` is not: write
/// `&b"a"[..]..b"bc"`.
///
/// ```
/// use std::ops::Bound;
/// # let db = walnut::Database::in_memory()?;
/// let words = db.keyspace("words")?;
/// for word in ["apple", "plum", "walnut"] {
///     words.put(word, [])?;
/// }
/// let count = |range: walnut::Result<Vec<_>>| range.map(|found| found.len());
/// assert_eq!(count(words.range(..).collect())?, 3);
/// assert_eq!(count(words.range("b"..).collect())?, 2);
/// assert_eq!(count(words.range(..="plum").collect())?, 2);
/// assert_eq!(count(words.range(vec![b'p']..vec![b'q']).collect())?, 1);
/// assert_eq!(count(words.range((Bound::Excluded("apple"), Bound::Excluded("walnut"))).collect())?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
pub trait KeyBounds {
    /// The bounds of the range.
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>);
}

impl KeyBounds for RangeFull {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

impl<K: AsRef<[u8]>> KeyBounds for Range<K> {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(self.start.as_ref()), Bound::Excluded(self.end.as_ref()))
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeInclusive<K> {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(self.start().as_ref()), Bound::Included(self.end().as_ref()))
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeFrom<K> {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(self.start.as_ref()), Bound::Unbounded)
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeTo<K> {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Unbounded, Bound::Excluded(self.end.as_ref()))
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeToInclusive<K> {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Unbounded, Bound::Included(self.end.as_ref()))
    }
}

impl<K: AsRef<[u8]>> KeyBounds for (Bound<K>, Bound<K>) {
    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.0.as_ref().map(AsRef::as_ref), self.1.as_ref().map(AsRef::as_ref))
    }
}

pub(super) fn inner_range(prefix: [u8; 4], range: &impl KeyBounds) -> KeyRange {
    let (start, end) = range.bounds();
    let (start, end) = (start.map(cut), end.map(cut));
    let start = match start {
        Bound::Unbounded => prefix.to_vec(),
        Bound::Included(key) => inner_key(prefix, key).to_vec(),
        Bound::Excluded(key) => after(&inner_key(prefix, key)),
    };
    let end = match end {
        Bound::Unbounded => successor(&prefix),
        Bound::Included(key) => Some(after(&inner_key(prefix, key))),
        Bound::Excluded(key) => Some(inner_key(prefix, key).to_vec()),
    };
    KeyRange { start, end }
}

/// Truncates a bound that is longer than any key: one byte more than a key has is enough to compare
/// with all of them.
fn cut(bound: &[u8]) -> &[u8] {
    if is_too_long(bound) { &bound[..=MAX_KEY_SIZE] } else { bound }
}

/// The size of the keyspace's id in front of every key.
pub(super) const PREFIX: usize = 4;

pub(super) fn inner_key(prefix: [u8; PREFIX], key: &[u8]) -> SmallVec<[u8; 64]> {
    let mut inner = SmallVec::from_slice(&prefix);
    inner.extend_from_slice(key);
    inner
}

/// The engine key of a key that is written; an error if it is too long.
pub(super) fn checked_key(prefix: [u8; PREFIX], key: &[u8]) -> Result<SmallVec<[u8; 64]>> {
    sought_key(prefix, key).ok_or(Error::Limit(Limit::Key { limit: MAX_KEY_SIZE }))
}

/// The engine key of a key that is looked up; `None` if it is too long to exist.
pub(super) fn sought_key(prefix: [u8; PREFIX], key: &[u8]) -> Option<SmallVec<[u8; 64]>> {
    (!is_too_long(key)).then(|| inner_key(prefix, key))
}

pub(super) fn is_too_long(key: &[u8]) -> bool {
    key.len() > MAX_KEY_SIZE
}

pub(super) fn check_value(value: &[u8]) -> Result<()> {
    if value.len() > MAX_VALUE_SIZE {
        return Err(Error::Limit(Limit::Row { size: value.len(), limit: MAX_VALUE_SIZE }));
    }
    Ok(())
}
