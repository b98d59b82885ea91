//! `String` and `Vec<u8>`: compared byte by byte, which for text is the order of its characters.
//!
//! Both are written by [`escape`]. There is no `Key` for vectors of other things: a list is indexed element by
//! element, not as a whole.

use super::{Key, KeyPart, KeyReader, KeyShape, KeyWriter, TextKey, escape};
use crate::error::Fault;

impl Key for String {
    type Ref<'a> = &'a str;

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyPart::Text)
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

impl TextKey for String {
    fn encode_start(text: &&str, out: &mut KeyWriter) {
        escape::encode_start(text.as_bytes(), out);
    }
}

impl Key for Vec<u8> {
    type Ref<'a> = &'a [u8];

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyPart::Bytes)
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

impl TextKey for Vec<u8> {
    fn encode_start(text: &&[u8], out: &mut KeyWriter) {
        escape::encode_start(text, out);
    }
}
