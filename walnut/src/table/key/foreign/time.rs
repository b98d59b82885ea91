//! The types of `time`.
//!
//! ```text
//!  Date                          Julian day, i32
//!  Time                          hour, minute, second as u8, nanosecond as u32
//!  PrimitiveDateTime             both
//!  UtcDateTime, OffsetDateTime   seconds since the Unix epoch as i64, nanosecond as u32
//!  Duration                      seconds as i64, nanoseconds as i32
//! ```

use ::time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime};

use super::super::by_value;
use super::{Key, KeyReader, KeyShape, KeyWriter, Span, impossible};
use crate::error::Fault;

#[diagnostic::do_not_recommend]
impl Key for Date {
    by_value!();

    fn key_shape() -> KeyShape {
        i32::key_shape().named("time::Date")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.to_julian_day().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Self::from_julian_day(Key::decode(input)?).map_err(impossible)
    }
}

#[diagnostic::do_not_recommend]
impl Key for Time {
    by_value!();

    fn key_shape() -> KeyShape {
        <(u8, u8, u8, u32)>::key_shape().named("time::Time")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.as_hms_nano().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (hour, minute, second, nano) = Key::decode(input)?;
        Self::from_hms_nano(hour, minute, second, nano).map_err(impossible)
    }
}

#[diagnostic::do_not_recommend]
impl Key for PrimitiveDateTime {
    by_value!();

    fn key_shape() -> KeyShape {
        <(Date, Time)>::key_shape().named("time::PrimitiveDateTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.date().encode(out);
        self.time().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let date = Key::decode(input)?;
        Ok(Self::new(date, Key::decode(input)?))
    }
}

macro_rules! moments {
    ($($moment:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $moment {
            by_value!();

            fn key_shape() -> KeyShape {
                <(i64, u32)>::key_shape().named("time::OffsetDateTime")
            }

            fn encode(&self, out: &mut KeyWriter) {
                self.unix_timestamp().encode(out);
                self.nanosecond().encode(out);
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                let second = Self::from_unix_timestamp(Key::decode(input)?).map_err(impossible)?;
                second.replace_nanosecond(Key::decode(input)?).map_err(impossible)
            }
        }
    )*};
}

moments! { UtcDateTime OffsetDateTime }

#[diagnostic::do_not_recommend]
impl Key for Duration {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i64, i32)>::key_shape().named("time::Duration")
    }

    fn encode(&self, out: &mut KeyWriter) {
        Span { seconds: self.whole_seconds(), nanos: self.subsec_nanoseconds() }.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let Span { seconds, nanos } = Span::decode(input)?;
        Ok(Self::new(seconds, nanos))
    }
}
