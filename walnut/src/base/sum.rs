//! Sums: how the adds of a key, which are merge operands, fold to its value.
//!
//! ```text
//!   versions of a key, newest first     add 5   add -2   put 40   put 7   ..
//!   its value                           5 - 2 + 40 = 43
//! ```
//!
//! 1. The value of a key whose newest version is an add is eight bytes: a little-endian `i64`, the
//!    sum of its adds down to the first version of another kind, the *base*.
//! 2. A put of eight bytes is a base of that number. Every other base counts as zero: a tombstone,
//!    a range tombstone over the older versions, no version at all, a put of another size, and a
//!    value in the value log, where no eight bytes are ever put.
//! 3. Sums wrap around. So addition is associative, and the result does not depend on how and when
//!    adds are folded. No other treatment of an overflow has this property, and an add cannot be
//!    refused, because its commit reads nothing.

use super::{Entry, Kind};

/// The contribution of one version to the sum of the adds above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    /// Added to the sum of the older versions.
    Delta(i64),
    /// Ends the sum: older versions do not count.
    Base(i64),
}

impl Operand {
    /// The operand with `delta` added above it.
    pub(crate) fn plus(self, delta: i64) -> Self {
        match self {
            Self::Delta(sum) => Self::Delta(sum.wrapping_add(delta)),
            Self::Base(sum) => Self::Base(sum.wrapping_add(delta)),
        }
    }
}

impl Entry<'_> {
    pub(crate) fn operand(&self) -> Operand {
        let number = number_in(self.value).unwrap_or(0);
        match self.kind {
            Kind::Add => Operand::Delta(number),
            Kind::Put => Operand::Base(number),
            Kind::Delete | Kind::Pointer | Kind::RangeDelete => Operand::Base(0),
        }
    }
}

/// The number in a value of eight bytes.
pub(crate) fn number_in(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_le_bytes)
}
