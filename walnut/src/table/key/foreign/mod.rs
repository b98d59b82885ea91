//! Dates and times of other crates, each behind a feature of the crate's name.
//!
//! ```text
//!  a day                     a number, or year, month and day
//!  a time of day             from the hour down to the nanosecond
//!  a moment                  seconds since the Unix epoch, rounded down, and nanoseconds; no offset and no zone
//!  a span                    seconds and nanoseconds, both with the span's sign
//! ```
//!
//! 1. A moment with an offset is a key by the moment alone, as it compares; it comes back in UTC.
//! 2. What a crate could not hold is a fault when it is read, never another value.

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;

use super::{Key, KeyReader, KeyShape, KeyWriter};
use crate::error::Fault;

/// A span of time: both numbers have its sign.
struct Span {
    seconds: i64,
    nanos: i32,
}

impl Span {
    fn encode(&self, out: &mut KeyWriter) {
        self.seconds.encode(out);
        self.nanos.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let span = Self { seconds: Key::decode(input)?, nanos: Key::decode(input)? };
        let one_sign = span.seconds.signum() * i64::from(span.nanos.signum()) >= 0;
        if one_sign && span.nanos.unsigned_abs() < 1_000_000_000 {
            Ok(span)
        } else {
            Err(Fault::Invalid("nanoseconds in a key"))
        }
    }
}

/// The error for numbers that are not a date or a time.
fn impossible<E>(_: E) -> Fault {
    Fault::Invalid("time in a key")
}
