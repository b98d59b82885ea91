//! Sums: what the adds of a key come to.
//!
//! ```text
//!   versions of a key, newest first     add 5   add -2   put 40   put 7   ..
//!   its value                           5 - 2 + 40 = 43
//! ```
//!
//! 1. The value of a key whose newest version is an add is eight bytes: a little-endian `i64`, the sum of its adds down to the first
//!    version of another kind, which is the *base*.
//! 2. A put of eight bytes is a base of that number. Everything else counts as zero: a tombstone, a range tombstone over what follows,
//!    nothing at all, a put of another size, and a value in the value log, where no eight bytes are ever put.
//! 3. Sums wrap around. So they are the same in whatever groups adds are folded, and at whatever time: nothing else that can be done
//!    about an overflow has this property, and an add cannot be refused, as its commit reads nothing.

use super::{Entry, Kind};

/// What a version of a key contributes to the sum of the adds above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    /// So much, and what lies below.
    Delta(i64),
    /// So much, whatever lies below.
    Base(i64),
}

impl Entry<'_> {
    /// What it contributes to a sum.
    pub(crate) fn operand(&self) -> Operand {
        let number = number_in(self.value).unwrap_or(0);
        match self.kind {
            Kind::Add => Operand::Delta(number),
            Kind::Put => Operand::Base(number),
            Kind::Delete | Kind::Pointer | Kind::RangeDelete => Operand::Base(0),
        }
    }
}

/// The number that a value is, if it has the size of one.
pub(crate) fn number_in(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_le_bytes)
}
