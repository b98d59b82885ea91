//! `Reverse`: the same encoding with every bit inverted, which reverses the order.
//!
//! ```text
//!  Reverse(5u16)     ff fa
//!  Reverse("a")      9e ff ff
//! ```
//!
//! No encoding is a prefix of another one, so two of them differ in a bit before either ends;
//! inverted, they differ in the same bit and compare the other way round. The law holds for
//! `Reverse<K>` because it holds for `K`.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::{BeginsWithText, Key, KeyReader, KeyShape, KeyShapePart, KeyWriter, TextKey};
use crate::error::Fault;

/// Writes what `write` writes, inverted.
pub(in crate::table) fn inverted(out: &mut KeyWriter, write: impl FnOnce(&mut KeyWriter)) {
    out.invert(write);
}

/// Calls `read` with the following bytes inverted, and skips those that it took.
fn inverted_back<R>(
    input: &mut KeyReader<'_>,
    read: impl FnOnce(&mut KeyReader<'_>) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let bytes: SmallVec<[u8; 96]> = input.rest().iter().map(|byte| !byte).collect();
    let mut reader = KeyReader::new(&bytes);
    let value = read(&mut reader)?;
    let taken = bytes.len() - reader.rest().len();
    input.take(taken)?;
    Ok(value)
}

#[diagnostic::do_not_recommend]
impl<K: Key> Key for Reverse<K> {
    /// The same as of `K`: a reversed order does not change a single key.
    type Ref<'a> = K::Ref<'a>;

    const EXACT: bool = K::EXACT;
    const OPTIONAL: bool = K::OPTIONAL;

    fn key_shape() -> KeyShape {
        K::key_shape().within(KeyShapePart::Reverse)
    }

    fn encode(&self, out: &mut KeyWriter) {
        inverted(out, |out| self.0.encode(out));
    }

    fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter) {
        inverted(out, |out| K::encode_ref(point, out));
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        inverted_back(input, K::decode).map(Self)
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        inverted_back(input, K::skip)
    }

    fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn ref_is_none(point: &Self::Ref<'_>) -> bool {
        K::ref_is_none(point)
    }
}

#[diagnostic::do_not_recommend]
impl<K: TextKey> BeginsWithText for Reverse<K> {
    type Text = Self;
}

#[diagnostic::do_not_recommend]
impl<K: TextKey> TextKey for Reverse<K> {
    fn encode_start(text: &Self::Ref<'_>, out: &mut KeyWriter) {
        inverted(out, |out| K::encode_start(text, out));
    }
}
