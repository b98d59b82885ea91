//! The arguments that a range of keys can be.

use std::cmp::Reverse;
use std::ops::{Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::{Key, KeyWriter, inverted};

/// A bound of a range over `K`: a key, a reference to one, or the borrowed form of a text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{K}` key",
    label = "expected a `{K}` or a `&{K}`"
)]
pub trait KeyBound<K: Key> {
    /// Adds the key's encoding.
    fn encode_point(&self, out: &mut KeyWriter);
}

impl<K: Key> KeyBound<K> for K {
    fn encode_point(&self, out: &mut KeyWriter) {
        self.encode(out);
    }
}

impl<K: Key> KeyBound<K> for &K {
    fn encode_point(&self, out: &mut KeyWriter) {
        (*self).encode(out);
    }
}

/// The marker of a range in key order, so that each range implements [`KeyRangeArg`] in one way
/// only.
#[derive(Clone, Copy, Debug)]
pub struct AscendingKey;

/// The marker of a range over descending keys, in the order of the values.
#[derive(Clone, Copy, Debug)]
pub struct DescendingKey;

/// A range over keys of type `K`: every range of the standard library, and pairs of [`Bound`]s.
///
/// Over a descending part, whose keys are `Reverse<K>`, a range of `K` is written from the lesser
/// to the greater value as ever, and the scan returns it in the order of the index: from the
/// greater to the lesser. Of several parts of which some descend, no range of values is one piece
/// of the index. There the descending parts are written as `Reverse`, and the range is one in the
/// order of the index: `(7, Reverse(9))..(7, Reverse(3))`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range over `{K}` keys",
    label = "expected a range of `{K}`, such as `a..b`, `a..=b`, `a..`, `..b` or `..`"
)]
pub trait KeyRangeArg<K: Key, M = AscendingKey> {
    /// The bound at which it starts, its encoding added to `out`.
    fn start(&self, out: &mut KeyWriter) -> Bound<()>;
    /// The bound at which it ends, its encoding added to `out`.
    fn end(&self, out: &mut KeyWriter) -> Bound<()>;
}

fn write<K: Key, P: KeyBound<K>>(bound: Bound<&P>, out: &mut KeyWriter) -> Bound<()> {
    bound.map(|point| point.encode_point(out))
}

fn write_inverted<K: Key, P: KeyBound<K>>(bound: Bound<&P>, out: &mut KeyWriter) -> Bound<()> {
    bound.map(|point| inverted(out, |out| point.encode_point(out)))
}

macro_rules! ranges {
    ($($range:ty;)*) => {$(
        impl<K: Key, P: KeyBound<K>> KeyRangeArg<K> for $range {
            fn start(&self, out: &mut KeyWriter) -> Bound<()> {
                write::<K, P>(self.start_bound(), out)
            }
            fn end(&self, out: &mut KeyWriter) -> Bound<()> {
                write::<K, P>(self.end_bound(), out)
            }
        }

        // The greatest value comes first, so the range begins in the index where it ends in values.
        impl<K: Key, P: KeyBound<K>> KeyRangeArg<Reverse<K>, DescendingKey> for $range {
            fn start(&self, out: &mut KeyWriter) -> Bound<()> {
                write_inverted::<K, P>(self.end_bound(), out)
            }
            fn end(&self, out: &mut KeyWriter) -> Bound<()> {
                write_inverted::<K, P>(self.start_bound(), out)
            }
        }
    )*};
}

ranges! {
    Range<P>;
    RangeInclusive<P>;
    RangeFrom<P>;
    RangeTo<P>;
    RangeToInclusive<P>;
    (Bound<P>, Bound<P>);
}

impl<K: Key> KeyRangeArg<K> for RangeFull {
    fn start(&self, _: &mut KeyWriter) -> Bound<()> {
        Bound::Unbounded
    }
    fn end(&self, _: &mut KeyWriter) -> Bound<()> {
        Bound::Unbounded
    }
}
