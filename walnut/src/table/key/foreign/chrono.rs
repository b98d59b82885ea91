//! The types of `chrono`.
//!
//! ```text
//!  NaiveDate                     days since the first of January of year 1, i32
//!  NaiveTime                     seconds since midnight as u32, nanoseconds as u32; 1,000,000,000 and more in a leap second
//!  NaiveDateTime                 both
//!  DateTime                      both, in UTC
//!  TimeDelta                     seconds as i64, nanoseconds as i32
//! ```

use ::chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
};

use super::super::by_value;
use super::{Key, KeyReader, KeyShape, KeyWriter, Span, impossible};
use crate::error::Fault;

#[diagnostic::do_not_recommend]
impl Key for NaiveDate {
    by_value!();

    fn key_shape() -> KeyShape {
        i32::key_shape().named("chrono::NaiveDate")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.num_days_from_ce().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Self::from_num_days_from_ce_opt(Key::decode(input)?).ok_or_else(|| impossible(()))
    }
}

#[diagnostic::do_not_recommend]
impl Key for NaiveTime {
    by_value!();

    fn key_shape() -> KeyShape {
        <(u32, u32)>::key_shape().named("chrono::NaiveTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.num_seconds_from_midnight().encode(out);
        self.nanosecond().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (seconds, nanos) = Key::decode(input)?;
        Self::from_num_seconds_from_midnight_opt(seconds, nanos).ok_or_else(|| impossible(()))
    }
}

#[diagnostic::do_not_recommend]
impl Key for NaiveDateTime {
    by_value!();

    fn key_shape() -> KeyShape {
        <(NaiveDate, NaiveTime)>::key_shape().named("chrono::NaiveDateTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.date().encode(out);
        self.time().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let date: NaiveDate = Key::decode(input)?;
        Ok(date.and_time(Key::decode(input)?))
    }
}

#[diagnostic::do_not_recommend]
impl Key for DateTime<Utc> {
    by_value!();

    fn key_shape() -> KeyShape {
        <(NaiveDate, NaiveTime)>::key_shape().named("chrono::DateTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.naive_utc().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        NaiveDateTime::decode(input).map(|time| time.and_utc())
    }
}

#[diagnostic::do_not_recommend]
impl Key for DateTime<FixedOffset> {
    by_value!();

    fn key_shape() -> KeyShape {
        <(NaiveDate, NaiveTime)>::key_shape().named("chrono::DateTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.naive_utc().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        NaiveDateTime::decode(input).map(|time| time.and_utc().fixed_offset())
    }
}

#[diagnostic::do_not_recommend]
impl Key for TimeDelta {
    by_value!();

    fn key_shape() -> KeyShape {
        <(i64, i32)>::key_shape().named("chrono::TimeDelta")
    }

    fn encode(&self, out: &mut KeyWriter) {
        Span { seconds: self.num_seconds(), nanos: self.subsec_nanos() }.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let Span { seconds, nanos } = Span::decode(input)?;
        // Here the nanoseconds count forward, whatever the sign is.
        let whole = if nanos < 0 { seconds.checked_sub(1) } else { Some(seconds) };
        let nanos = nanos.rem_euclid(1_000_000_000).unsigned_abs();
        whole.and_then(|seconds| Self::new(seconds, nanos)).ok_or_else(|| impossible(()))
    }
}
