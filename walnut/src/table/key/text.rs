//! Text and bytes of any length: compared byte by byte, which for text is the order of its
//! characters.
//!
//! All are written by [`escape`], so a `String`, a `Box<str>`, an `Arc<str>` and a `Cow<'static,
//! str>` of one text are the same bytes. There is no `Key` for vectors of other things: a list is
//! indexed element by element, not as a whole.

use std::borrow::Cow;
use std::sync::Arc;

use super::folding::{fold, is_folded};
use super::{
    BeginsWithText, CaseFold, Key, KeyBound, KeyReader, KeyShape, KeyShapePart, KeyWriter, NoCase, TextKey,
    escape,
};
use crate::error::Fault;

#[diagnostic::do_not_recommend]
impl Key for String {
    type Ref<'a> = &'a str;

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Text)
    }

    fn encode(&self, out: &mut KeyWriter) {
        escape::encode(self.as_bytes(), out);
    }

    fn encode_ref(point: &&str, out: &mut KeyWriter) {
        escape::encode(point.as_bytes(), out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Self::from_utf8(escape::decode(input)?).map_err(|_| Fault::Invalid("UTF-8 in the text of a key"))
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        escape::skip(input)
    }
}

macro_rules! like_strings {
    ($($text:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $text {
            type Ref<'a> = &'a str;

            fn key_shape() -> KeyShape {
                String::key_shape()
            }

            fn encode(&self, out: &mut KeyWriter) {
                escape::encode(self.as_bytes(), out);
            }

            fn encode_ref(point: &&str, out: &mut KeyWriter) {
                escape::encode(point.as_bytes(), out);
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                String::decode(input).map(Into::into)
            }

            fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
                escape::skip(input)
            }
        }
    )*};
}

like_strings! { Box<str> Arc<str> Cow<'static, str> }

/// The other roles of every kind of text: a prefix, folded or not, and a bound of a range.
macro_rules! texts {
    ($($text:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl TextKey for $text {
            fn encode_start(text: &&str, out: &mut KeyWriter) {
                escape::encode_start(text.as_bytes(), out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl BeginsWithText for $text {
            type Text = Self;
        }

        #[diagnostic::do_not_recommend]
        impl TextKey for NoCase<$text> {
            fn encode_start(text: &&str, out: &mut KeyWriter) {
                escape::encode_start(fold(text).as_bytes(), out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl BeginsWithText for NoCase<$text> {
            type Text = Self;
        }

        impl CaseFold for $text {
            fn encode_folded(point: &&str, out: &mut KeyWriter) {
                escape::encode(fold(point).as_bytes(), out);
            }

            fn point(&self) -> &str {
                self
            }

            fn is_folded(&self) -> bool {
                is_folded(self)
            }
        }

        impl CaseFold for Option<$text> {
            #[expect(clippy::ref_option_ref, reason = "the trait passes every point by reference")]
            fn encode_folded(point: &Option<&str>, out: &mut KeyWriter) {
                match point {
                    None => Self::encode_ref(&None, out),
                    Some(text) => Self::encode_ref(&Some(&fold(text)), out),
                }
            }

            fn point(&self) -> Option<&str> {
                self.as_deref()
            }

            fn is_folded(&self) -> bool {
                self.as_deref().is_none_or(is_folded)
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<$text> for &str {
            fn encode_point(&self, out: &mut KeyWriter) {
                <$text>::encode_ref(self, out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<Option<$text>> for Option<&str> {
            fn encode_point(&self, out: &mut KeyWriter) {
                Option::<$text>::encode_ref(self, out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<NoCase<$text>> for &str {
            fn encode_point(&self, out: &mut KeyWriter) {
                NoCase::<$text>::encode_ref(self, out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<NoCase<$text>> for $text {
            fn encode_point(&self, out: &mut KeyWriter) {
                NoCase::<$text>::encode_ref(&self.point(), out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<NoCase<$text>> for &$text {
            fn encode_point(&self, out: &mut KeyWriter) {
                NoCase::<$text>::encode_ref(&self.point(), out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<NoCase<Option<$text>>> for Option<&str> {
            fn encode_point(&self, out: &mut KeyWriter) {
                NoCase::<Option<$text>>::encode_ref(self, out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl KeyBound<NoCase<Option<$text>>> for Option<$text> {
            fn encode_point(&self, out: &mut KeyWriter) {
                NoCase::<Option<$text>>::encode_ref(&self.point(), out);
            }
        }
    )*};
}

texts! { String Box<str> Arc<str> Cow<'static, str> }

#[diagnostic::do_not_recommend]
impl Key for Vec<u8> {
    type Ref<'a> = &'a [u8];

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Bytes)
    }

    fn encode(&self, out: &mut KeyWriter) {
        escape::encode(self, out);
    }

    fn encode_ref(point: &&[u8], out: &mut KeyWriter) {
        escape::encode(point, out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        escape::decode(input)
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        escape::skip(input)
    }
}

#[diagnostic::do_not_recommend]
impl TextKey for Vec<u8> {
    fn encode_start(text: &&[u8], out: &mut KeyWriter) {
        escape::encode_start(text, out);
    }
}

#[diagnostic::do_not_recommend]
impl BeginsWithText for Vec<u8> {
    type Text = Self;
}
