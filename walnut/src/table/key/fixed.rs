//! Byte strings of a fixed length: unescaped, without an end.

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter, by_value};
use crate::error::Fault;

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
