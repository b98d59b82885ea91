//! The types of `jiff`. A `Zoned` is no key: store its `Timestamp`, by which it compares.
//!
//! ```text
//!  civil::Date                   year as i16, month and day as i8
//!  civil::Time                   hour, minute, second as i8, nanosecond as i32
//!  civil::DateTime               both
//!  Timestamp                     seconds since the Unix epoch as i64, nanoseconds as i32, both with one sign
//!  SignedDuration                the same
//! ```

use ::jiff::civil::{Date, DateTime, Time};
use ::jiff::{SignedDuration, Timestamp};

use super::super::by_value;
use super::{Key, KeyReader, KeyShape, KeyWriter, Span, impossible};
use crate::error::Fault;

#[diagnostic::do_not_recommend]
impl Key for Date {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i16, i8, i8)>::key_shape().named("jiff::Date")
    }

    fn encode(&self, out: &mut KeyWriter) {
        (self.year(), self.month(), self.day()).encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (year, month, day) = Key::decode(input)?;
        Self::new(year, month, day).map_err(impossible)
    }
}

#[diagnostic::do_not_recommend]
impl Key for Time {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i8, i8, i8, i32)>::key_shape().named("jiff::Time")
    }

    fn encode(&self, out: &mut KeyWriter) {
        (self.hour(), self.minute(), self.second(), self.subsec_nanosecond()).encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (hour, minute, second, nano) = Key::decode(input)?;
        Self::new(hour, minute, second, nano).map_err(impossible)
    }
}

#[diagnostic::do_not_recommend]
impl Key for DateTime {
    by_value!();

    fn key_shape() -> KeyShape {
        <(Date, Time)>::key_shape().named("jiff::DateTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.date().encode(out);
        self.time().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let date = Key::decode(input)?;
        Ok(Self::from_parts(date, Key::decode(input)?))
    }
}

#[diagnostic::do_not_recommend]
impl Key for Timestamp {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i64, i32)>::key_shape().named("jiff::Timestamp")
    }

    fn encode(&self, out: &mut KeyWriter) {
        Span { seconds: self.as_second(), nanos: self.subsec_nanosecond() }.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let Span { seconds, nanos } = Span::decode(input)?;
        Self::new(seconds, nanos).map_err(impossible)
    }
}

#[diagnostic::do_not_recommend]
impl Key for SignedDuration {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i64, i32)>::key_shape().named("jiff::SignedDuration")
    }

    fn encode(&self, out: &mut KeyWriter) {
        Span { seconds: self.as_secs(), nanos: self.subsec_nanos() }.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let Span { seconds, nanos } = Span::decode(input)?;
        Ok(Self::new(seconds, nanos))
    }
}
