//! Numbers: a fixed width, the most significant byte first.
//!
//! ```text
//!  u32  5            00 00 00 05
//!  i32  5            80 00 00 05      the sign bit is flipped, so that negative numbers come first
//!  i32 -5            7f ff ff fb
//!  f32  1.0          bf 80 00 00      as with integers when positive,
//!  f32 -1.0          40 7f ff ff      every bit is flipped when negative
//! ```
//!
//! 1. Every bit pattern is a value, so decoding fails only when bytes are missing; but zero is none
//!    of a `NonZero`.
//! 2. Floats sort as [`total_cmp`](f64::total_cmp) says: -NaN, -inf, .., -0.0, 0.0, .., inf, NaN;
//!    each pattern is one value.
//!
//! `usize` and `isize` are left out on purpose: a file written on one machine must read the same on
//! another.

use std::num::NonZero;

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter, by_value};
use crate::error::Fault;

macro_rules! integers {
    ($($int:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $int {
            by_value!();

            fn key_shape() -> KeyShape {
                KeyShape::of(if $int::MIN == 0 { KeyShapePart::Unsigned($int::BITS) } else { KeyShapePart::Signed($int::BITS) })
            }

            fn encode(&self, out: &mut KeyWriter) {
                // The least signed value is the sign bit alone, the least unsigned one zero.
                out.push(&(*self ^ $int::MIN).to_be_bytes());
            }

            #[inline]
            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                Ok($int::from_be_bytes(input.take_array()?) ^ $int::MIN)
            }
        }
    )*};
}

integers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

macro_rules! not_zero {
    ($($int:ident)*) => {$(
        /// Stored as the number.
        #[diagnostic::do_not_recommend]
        impl Key for NonZero<$int> {
            by_value!();

            fn key_shape() -> KeyShape {
                $int::key_shape()
            }

            fn encode(&self, out: &mut KeyWriter) {
                self.get().encode(out);
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                Self::new($int::decode(input)?).ok_or(Fault::Invalid("zero in a key that is not zero"))
            }
        }
    )*};
}

not_zero! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

macro_rules! floats {
    ($($float:ident: $bits:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $float {
            by_value!();

            fn key_shape() -> KeyShape {
                KeyShape::of(KeyShapePart::Float($bits::BITS))
            }

            /// -0.0 and 0.0 are equal and yet two keys, and a NaN is a key that equals nothing.
            const EXACT: bool = false;

            fn encode(&self, out: &mut KeyWriter) {
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                let bits = self.to_bits();
                let ordered = if bits & SIGN == 0 { bits ^ SIGN } else { !bits };
                out.push(&ordered.to_be_bytes());
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                let ordered = $bits::from_be_bytes(input.take_array()?);
                Ok($float::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN }))
            }
        }
    )*};
}

floats! { f32: u32 f64: u64 }
