//! Keys of a fixed size other than numbers: `bool`, `char`, `()` and byte strings.
//!
//! ```text
//!  ()                nothing
//!  false, true       00, 01
//!  'é'               00 00 00 e9      its number as a `u32`
//!  [7, 9], Uuid      07 09            its bytes, unescaped
//! ```

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter, by_value};
use crate::error::Fault;

#[diagnostic::do_not_recommend]
impl Key for () {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Unit)
    }

    fn encode(&self, _: &mut KeyWriter) {}

    fn decode(_: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl Key for bool {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Bool)
    }

    fn encode(&self, out: &mut KeyWriter) {
        out.push(&[u8::from(*self)]);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        match input.take_array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::Invalid("bool in a key")),
        }
    }
}

#[diagnostic::do_not_recommend]
impl Key for char {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Char)
    }

    fn encode(&self, out: &mut KeyWriter) {
        u32::from(*self).encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        char::from_u32(u32::decode(input)?).ok_or(Fault::Invalid("char in a key"))
    }
}

#[diagnostic::do_not_recommend]
impl<const N: usize> Key for [u8; N] {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Fixed(u32::try_from(N).unwrap_or(u32::MAX)))
    }

    fn encode(&self, out: &mut KeyWriter) {
        out.push(self);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        input.take_array()
    }
}

#[cfg(feature = "uuid")]
#[diagnostic::do_not_recommend]
impl Key for uuid::Uuid {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::of(KeyShapePart::Fixed(16)).named("Uuid")
    }

    fn encode(&self, out: &mut KeyWriter) {
        out.push(self.as_bytes());
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        input.take_array().map(Self::from_bytes)
    }
}
