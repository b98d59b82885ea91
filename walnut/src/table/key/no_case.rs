//! `NoCase`: case-insensitive text, stored folded.
//!
//! ```text
//!  "Anna", "ANNA"        61 6e 6e 61 00 00             the folded text, as any text
//!  "Straße", "STRASSE"   73 74 72 61 73 73 65 00 00
//! ```
//!
//! 1. Each character is folded by itself, so a prefix of a text, folded, is a prefix of the folded
//!    text.
//! 2. Decoding accepts folded text only: each key has one form.

use std::fmt;

use super::folding::fold;
use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter};
use crate::error::Fault;

/// The key of an index with `nocase`: folded text, so that all ways to write it are one key.
///
/// A look-up folds its argument too: [`Ref`](Key::Ref) is that of the text itself. The key that
/// [`entries`](crate::Scan::entries) returns holds the folded text.
///
/// ```
/// use walnut::NoCase;
///
/// assert_eq!(NoCase::new("STRASSE"), NoCase::new("Straße"));
/// assert_eq!(NoCase::new("Ann").as_str(), "ann");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoCase<T = String>(T);

impl NoCase {
    /// The key of a text.
    pub fn new(text: &str) -> Self {
        Self(fold(text).into_owned())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T> NoCase<T> {
    /// The folded text, or none.
    pub fn into_inner(self) -> T {
        self.0
    }
}

#[cfg(test)]
impl<T> NoCase<T> {
    pub(super) fn inner(&self) -> &T {
        &self.0
    }
}

impl fmt::Display for NoCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Text that can be folded: `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>`, and an `Option`
/// of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no upper and lower case",
    label = "`nocase` is for text",
    note = "an index with `nocase` is over a `String` or an `Option<String>`"
)]
pub trait CaseFold: Key {
    /// Adds the encoding of the folded text.
    fn encode_folded(point: &Self::Ref<'_>, out: &mut KeyWriter);
    /// The text as it is sought.
    fn point(&self) -> Self::Ref<'_>;
    /// Whether folding would leave it as it is.
    fn is_folded(&self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: CaseFold> Key for NoCase<T> {
    type Ref<'a> = T::Ref<'a>;

    const EXACT: bool = T::EXACT;
    const OPTIONAL: bool = T::OPTIONAL;

    fn key_shape() -> KeyShape {
        T::key_shape().within(KeyShapePart::NoCase)
    }

    fn encode(&self, out: &mut KeyWriter) {
        // It was folded when it was made.
        self.0.encode(out);
    }

    fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter) {
        T::encode_folded(point, out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let text = T::decode(input)?;
        if text.is_folded() { Ok(Self(text)) } else { Err(Fault::Invalid("case in a key without case")) }
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        T::skip(input)
    }

    fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn ref_is_none(point: &Self::Ref<'_>) -> bool {
        T::ref_is_none(point)
    }
}
