//! `Scaled`: decimals of one scale, as whole numbers of its smallest step.
//!
//! ```text
//!  0             16
//!  | number      |      i128, sign bit flipped: 12.5 at scale 2 is 1250
//! ```
//!
//! 1. Equal decimals have one form, however many zeros end them: `1.5` and `1.50` are one key.
//! 2. A decimal with more digits than the scale has no form. It is refused, never cut.
//! 3. A decoded key is a decimal of 96 bits.

#[cfg(feature = "rust_decimal")]
use rust_decimal::Decimal;

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter};
#[cfg(feature = "rust_decimal")]
use super::{KeyBound, codec::Side};
use crate::error::Fault;

/// The key of an index with `scale = N`: a decimal with at most `N` digits after its point.
///
/// A row whose decimal has more digits than that is [`Error::Limit`](crate::Error::Limit); zeros at
/// its end do not count. No row has such a decimal, so a look-up of it finds nothing, and a range
/// may begin or end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scaled<T, const N: u32>(pub T);

/// A type that can be stored at a scale: `rust_decimal::Decimal`, and an `Option` of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no scale",
    label = "`scale` is for decimals",
    note = "an index with `scale = 2` is over a `rust_decimal::Decimal` or an `Option` of one, with walnut's feature \
            `rust_decimal`"
)]
pub trait FixedPointKey: Copy + Send + Sync + 'static {
    /// Whether it can be missing.
    const OPTIONAL: bool;
    /// Adds its encoding at a scale.
    fn encode_at(&self, scale: u32, out: &mut KeyWriter);
    /// Reads it back.
    fn decode_at(scale: u32, input: &mut KeyReader<'_>) -> Result<Self, Fault>;
    /// Whether it is missing.
    fn misses(&self) -> bool;
}

#[cfg(feature = "rust_decimal")]
impl FixedPointKey for Decimal {
    const OPTIONAL: bool = false;

    fn encode_at(&self, scale: u32, out: &mut KeyWriter) {
        let exact = self.normalize();
        let Some(missing_digits) = scale.checked_sub(exact.scale()) else {
            // At most 28 digits are cut, and ten to that power is an `i128`.
            let cut = 10i128.pow(exact.scale() - scale);
            exact.mantissa().div_euclid(cut).encode(out);
            return out.refuse_at(Side::After, "a decimal has more digits than the scale of its index");
        };
        let number = 10i128
            .checked_pow(missing_digits)
            .and_then(|power| exact.mantissa().checked_mul(power))
            .filter(|&number| Decimal::try_from_i128_with_scale(number, scale).is_ok());
        if let Some(number) = number {
            return number.encode(out);
        }
        let (last, side) =
            if exact.mantissa() < 0 { (i128::MIN, Side::Before) } else { (i128::MAX, Side::After) };
        last.encode(out);
        out.refuse_at(side, "a decimal is too large for the scale of its index");
    }

    fn decode_at(scale: u32, input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Decimal::try_from_i128_with_scale(i128::decode(input)?, scale)
            .map_err(|_| Fault::Invalid("decimal in a key"))
    }

    fn misses(&self) -> bool {
        false
    }
}

#[cfg(feature = "rust_decimal")]
impl FixedPointKey for Option<Decimal> {
    const OPTIONAL: bool = true;

    fn encode_at(&self, scale: u32, out: &mut KeyWriter) {
        // An `Option` of nothing has the bytes of the tag alone.
        self.map(|_| ()).encode(out);
        if let Some(decimal) = self {
            decimal.encode_at(scale, out);
        }
    }

    fn decode_at(scale: u32, input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        match Option::<()>::decode(input)? {
            None => Ok(None),
            Some(()) => Decimal::decode_at(scale, input).map(Some),
        }
    }

    fn misses(&self) -> bool {
        self.is_none()
    }
}

#[diagnostic::do_not_recommend]
impl<T: FixedPointKey, const N: u32> Key for Scaled<T, N> {
    type Ref<'a> = T;

    const OPTIONAL: bool = T::OPTIONAL;

    fn key_shape() -> KeyShape {
        let number = i128::key_shape();
        let number = if T::OPTIONAL { number.within(KeyShapePart::Option) } else { number };
        number.within(KeyShapePart::Scaled(N))
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode_at(N, out);
    }

    fn encode_ref(point: &T, out: &mut KeyWriter) {
        point.encode_at(N, out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        T::decode_at(N, input).map(Self)
    }

    fn is_none(&self) -> bool {
        self.0.misses()
    }

    fn ref_is_none(point: &T) -> bool {
        point.misses()
    }
}

#[cfg(feature = "rust_decimal")]
macro_rules! points {
    ($($decimal:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<const N: u32> KeyBound<Scaled<$decimal, N>> for $decimal {
            fn encode_point(&self, out: &mut KeyWriter) {
                self.encode_at(N, out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<const N: u32> KeyBound<Scaled<$decimal, N>> for &$decimal {
            fn encode_point(&self, out: &mut KeyWriter) {
                self.encode_at(N, out);
            }
        }
    )*};
}

#[cfg(feature = "rust_decimal")]
points! { Decimal Option<Decimal> }
