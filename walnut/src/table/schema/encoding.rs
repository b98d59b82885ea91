//! The encoding of an index column: plain, or as another key that is made of the column's value.
//!
//! An encoding is a type without values. Derived code names it, and the rest follows from types:
//! bounds, ranges, the keys of entries.

use std::cmp::Reverse;
use std::marker::PhantomData;

use crate::table::key::{CaseFold, FixedPointKey, Key, KeyWriter, NoCase, Scaled, inverted};

/// The encoding of a value of type `V` as a key.
pub trait Encoding<V> {
    /// The key that is stored.
    type Key: Key;

    /// Adds the key of a value.
    fn encode(value: &V, out: &mut KeyWriter);

    /// Whether the value is a missing one.
    fn is_none(value: &V) -> bool;
}

/// The value's own key.
#[derive(Debug)]
pub struct Plain;

/// `nocase`: text, case-folded.
#[derive(Debug)]
pub struct CaseFolded;

/// `scale = N`: a decimal as a whole number of its smallest step.
#[derive(Debug)]
pub struct FixedPoint<const N: u32>;

/// `desc`: the inverted key.
#[derive(Debug)]
pub struct Descending<F>(PhantomData<F>);

impl<K: Key> Encoding<K> for Plain {
    type Key = K;

    fn encode(value: &K, out: &mut KeyWriter) {
        value.encode(out);
    }

    fn is_none(value: &K) -> bool {
        value.is_none()
    }
}

impl<T: CaseFold> Encoding<T> for CaseFolded {
    type Key = NoCase<T>;

    fn encode(value: &T, out: &mut KeyWriter) {
        T::encode_folded(&value.point(), out);
    }

    fn is_none(value: &T) -> bool {
        value.is_none()
    }
}

impl<T: FixedPointKey, const N: u32> Encoding<T> for FixedPoint<N> {
    type Key = Scaled<T, N>;

    fn encode(value: &T, out: &mut KeyWriter) {
        value.encode_at(N, out);
    }

    fn is_none(value: &T) -> bool {
        value.misses()
    }
}

impl<V, F: Encoding<V>> Encoding<V> for Descending<F> {
    type Key = Reverse<F::Key>;

    fn encode(value: &V, out: &mut KeyWriter) {
        inverted(out, |out| F::encode(value, out));
    }

    fn is_none(value: &V) -> bool {
        F::is_none(value)
    }
}

/// What a function returns that computes an index: a key, or none for a row without an entry.
#[diagnostic::on_unimplemented(
    message = "the index holds `{V}`, and its function gives `{Self}`",
    label = "expected a function that gives `{V}` or `Option<{V}>`",
    note = "a computed index has the type that stands behind its name: `#[index(domain: String = User::domain)]` \
            with `fn domain(&self) -> String` or `-> Option<String>`"
)]
pub trait Computed<V> {
    /// The value, if there is one.
    fn computed(self) -> Option<V>;
}

impl<V> Computed<V> for V {
    fn computed(self) -> Option<V> {
        Some(self)
    }
}

impl<V> Computed<V> for Option<V> {
    fn computed(self) -> Option<V> {
        self
    }
}
