//! Generated keys: counted numbers, and UUIDs that begin with the time.

use std::num::NonZero;

use super::Key;

/// How keys of a type are generated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyGenerator {
    /// Counted from 1 up to the last number of the type.
    Sequence {
        /// The last number.
        last: u128,
    },
    /// From the time and a random number: UUIDs of version 7.
    UuidV7,
}

/// A key that `#[primary_key(auto)]` can be put on: every integer that is a key, `NonZero` or not,
/// `Uuid`, and newtypes of these with [`#[derive(Key)]`](derive@crate::Key).
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be generated",
    label = "`auto` is for integers and `Uuid`",
    note = "`#[primary_key(auto)]` stands on a field of type `u8` to `u128`, `i8` to `i128` or `Uuid`, or of a newtype of \
            one of these with `#[derive(walnut::Key)]`"
)]
pub trait Generated: Key {
    /// How keys of this type are generated.
    const GENERATOR: KeyGenerator;

    /// The key of a number in the range of its [`GENERATOR`](Self::GENERATOR).
    fn from_number(number: u128) -> Self;

    /// The number of a counted key; `None` for a key that is never generated, such as a negative
    /// number.
    fn number(&self) -> Option<u128>;
}

macro_rules! counted {
    ($($int:ident)*) => {$(
        impl Generated for $int {
            const GENERATOR: KeyGenerator = KeyGenerator::Sequence { last: $int::MAX as u128 };

            fn from_number(number: u128) -> Self {
                $int::try_from(number).unwrap_or($int::MAX)
            }

            fn number(&self) -> Option<u128> {
                u128::try_from(*self).ok()
            }
        }
    )*};
}

counted! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

macro_rules! counted_from_one {
    ($($int:ident)*) => {$(
        impl Generated for NonZero<$int> {
            const GENERATOR: KeyGenerator = $int::GENERATOR;

            fn from_number(number: u128) -> Self {
                Self::new($int::from_number(number)).unwrap_or(Self::MAX)
            }

            fn number(&self) -> Option<u128> {
                self.get().number()
            }
        }
    )*};
}

counted_from_one! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

#[cfg(feature = "uuid")]
impl Generated for uuid::Uuid {
    const GENERATOR: KeyGenerator = KeyGenerator::UuidV7;

    fn from_number(number: u128) -> Self {
        Self::from_u128(number)
    }

    fn number(&self) -> Option<u128> {
        None
    }
}
