//! What a range of keys can be given as.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::{Key, KeyWriter};

/// A bound of a range over `K`: a key, a reference to one, or the borrowed form of a text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{K}` key",
    label = "expected a `{K}` or a `&{K}`"
)]
pub trait Point<K: Key> {
    /// Adds the key's encoding.
    fn encode_point(&self, out: &mut KeyWriter);
}

impl<K: Key> Point<K> for K {
    fn encode_point(&self, out: &mut KeyWriter) {
        self.encode(out);
    }
}

impl<K: Key> Point<K> for &K {
    fn encode_point(&self, out: &mut KeyWriter) {
        (*self).encode(out);
    }
}

/// A range over keys of type `K`: every range of the standard library, and pairs of [`Bound`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range over `{K}` keys",
    label = "expected a range of `{K}`, such as `a..b`, `a..=b`, `a..`, `..b` or `..`"
)]
pub trait RangeOver<K: Key> {
    /// The bound at which it starts, its encoding added to `out`.
    fn start(&self, out: &mut KeyWriter) -> Bound<()>;
    /// The bound at which it ends, its encoding added to `out`.
    fn end(&self, out: &mut KeyWriter) -> Bound<()>;
}

fn write<K: Key, P: Point<K>>(bound: Bound<&P>, out: &mut KeyWriter) -> Bound<()> {
    bound.map(|point| point.encode_point(out))
}

macro_rules! ranges {
    ($($range:ty => |$it:ident| $start:expr, $end:expr;)*) => {$(
        impl<K: Key, P: Point<K>> RangeOver<K> for $range {
            fn start(&self, out: &mut KeyWriter) -> Bound<()> {
                let $it = self;
                write::<K, P>($start, out)
            }
            fn end(&self, out: &mut KeyWriter) -> Bound<()> {
                let $it = self;
                write::<K, P>($end, out)
            }
        }
    )*};
}

ranges! {
    Range<P> => |it| Bound::Included(&it.start), Bound::Excluded(&it.end);
    RangeInclusive<P> => |it| Bound::Included(it.start()), Bound::Included(it.end());
    RangeFrom<P> => |it| Bound::Included(&it.start), Bound::Unbounded;
    RangeTo<P> => |it| Bound::Unbounded, Bound::Excluded(&it.end);
    RangeToInclusive<P> => |it| Bound::Unbounded, Bound::Included(&it.end);
    (Bound<P>, Bound<P>) => |it| it.0.as_ref(), it.1.as_ref();
}

impl<K: Key> RangeOver<K> for RangeFull {
    fn start(&self, _: &mut KeyWriter) -> Bound<()> {
        Bound::Unbounded
    }
    fn end(&self, _: &mut KeyWriter) -> Bound<()> {
        Bound::Unbounded
    }
}
