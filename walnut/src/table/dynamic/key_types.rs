//! Types of the standard library and of other crates with key encodings of their own.

use std::borrow::Cow;

use super::calendar::{self, TimeOfDay, UnixTime};
use super::known::{read_uuid, show};
use super::value::Value;
use crate::table::key::{Key, KeyWriter};
use crate::table::shape::Known;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum KnownKey {
    Uuid,
    Duration,
    SystemTime,
    IpAddr,
    Ipv4Addr,
    Ipv6Addr,
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    ChronoDate,
    ChronoTime,
    ChronoDateTime,
    ChronoMoment,
    JiffDate,
    JiffTime,
    JiffDateTime,
    JiffTimestamp,
    TimeDate,
    TimeTime,
    TimeDateTime,
    TimeMoment,
    /// Seconds and nanoseconds of one sign.
    Span,
}

impl KnownKey {
    /// The type with this name in key shapes.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Uuid" => Self::Uuid,
            "Duration" => Self::Duration,
            "SystemTime" => Self::SystemTime,
            "Ipv4Addr" => Self::Ipv4Addr,
            "Ipv6Addr" => Self::Ipv6Addr,
            "SocketAddrV4" => Self::SocketAddrV4,
            "SocketAddrV6" => Self::SocketAddrV6,
            "chrono::NaiveDate" => Self::ChronoDate,
            "chrono::NaiveTime" => Self::ChronoTime,
            "chrono::NaiveDateTime" => Self::ChronoDateTime,
            "chrono::DateTime" => Self::ChronoMoment,
            "jiff::Date" => Self::JiffDate,
            "jiff::Time" => Self::JiffTime,
            "jiff::DateTime" => Self::JiffDateTime,
            "jiff::Timestamp" => Self::JiffTimestamp,
            "time::Date" => Self::TimeDate,
            "time::Time" => Self::TimeTime,
            "time::PrimitiveDateTime" => Self::TimeDateTime,
            "time::OffsetDateTime" => Self::TimeMoment,
            "chrono::TimeDelta" | "time::Duration" => Self::Span,
            _ => return None,
        })
    }

    /// The type that rows show it as.
    fn shown_as(self) -> Option<Known> {
        Some(match self {
            Self::Uuid => Known::Uuid,
            Self::Duration | Self::Span => Known::Duration,
            Self::SystemTime => Known::SystemTime,
            Self::IpAddr => Known::IpAddr,
            Self::Ipv4Addr => Known::Ipv4Addr,
            Self::Ipv6Addr => Known::Ipv6Addr,
            Self::SocketAddr | Self::SocketAddrV4 | Self::SocketAddrV6 => Known::SocketAddr,
            Self::TimeDate => Known::Date,
            Self::TimeTime => Known::Time,
            Self::TimeDateTime => Known::DateTime,
            Self::TimeMoment => Known::Moment,
            // These crates store text.
            _ => return None,
        })
    }

    /// Adds the key of a value; `None` if it is not a value of the type.
    pub(super) fn encode(self, value: &Value, out: &mut KeyWriter) -> Option<()> {
        let text = match (self, value) {
            (Self::Uuid, Value::Bytes(bytes)) if bytes.len() == 16 => {
                out.push(bytes);
                return Some(());
            }
            (Self::Span, Value::List(numbers)) => return encode_span(numbers, out),
            (_, Value::Text(text)) => Cow::Borrowed(&**text),
            // A value that rows do not show as text.
            (_, value) => Cow::Owned(show(self.shown_as()?, value)?),
        };
        let text = &*text;
        match self {
            Self::Uuid => out.push(&read_uuid(text)?),
            Self::Duration => calendar::parse_duration(text)?.encode(out),
            Self::SystemTime | Self::TimeMoment => moment(text)?.encode(out),
            Self::IpAddr => text.parse::<std::net::IpAddr>().ok()?.encode(out),
            Self::Ipv4Addr => text.parse::<std::net::Ipv4Addr>().ok()?.encode(out),
            Self::Ipv6Addr => text.parse::<std::net::Ipv6Addr>().ok()?.encode(out),
            Self::SocketAddr => text.parse::<std::net::SocketAddr>().ok()?.encode(out),
            Self::SocketAddrV4 => text.parse::<std::net::SocketAddrV4>().ok()?.encode(out),
            Self::SocketAddrV6 => text.parse::<std::net::SocketAddrV6>().ok()?.encode(out),
            Self::ChronoDate => from_year_one(calendar::parse_days(text)?)?.encode(out),
            Self::ChronoTime => {
                let clock = calendar::parse_clock(text)?;
                (clock.seconds, clock.nanos).encode(out);
            }
            Self::ChronoDateTime => {
                let (day, clock) = calendar::parse_local(text)?;
                (from_year_one(day)?, clock.seconds, clock.nanos).encode(out);
            }
            Self::ChronoMoment => {
                let (day, clock, _) = calendar::parse_offset(text)?;
                (from_year_one(day)?, clock.seconds, clock.nanos).encode(out);
            }
            Self::JiffDate => jiff_date(calendar::parse_days(text)?)?.encode(out),
            Self::JiffTime => jiff_time(calendar::parse_clock(text)?)?.encode(out),
            Self::JiffDateTime => {
                let (day, clock) = calendar::parse_local(text)?;
                jiff_date(day)?.encode(out);
                jiff_time(clock)?.encode(out);
            }
            Self::JiffTimestamp => {
                // Seconds and nanoseconds have one sign.
                let (seconds, nanos) = moment(text)?;
                let nanos = i32::try_from(nanos).ok()?;
                if seconds < 0 && nanos > 0 {
                    (seconds + 1, nanos - 1_000_000_000).encode(out);
                } else {
                    (seconds, nanos).encode(out);
                }
            }
            Self::TimeDate => julian(calendar::parse_days(text)?)?.encode(out),
            Self::TimeTime => time_of(calendar::parse_clock(text)?)?.encode(out),
            Self::TimeDateTime => {
                let (day, clock) = calendar::parse_local(text)?;
                julian(day)?.encode(out);
                time_of(clock)?.encode(out);
            }
            Self::Span => calendar::parse_span(text)?.encode(out),
        }
        Some(())
    }
}

fn moment(text: &str) -> Option<(i64, u32)> {
    calendar::parse_moment(text).map(|UnixTime { seconds, nanos }| (seconds, nanos))
}

/// Days since the first of January of year 1, which is day 1.
fn from_year_one(day: i64) -> Option<i32> {
    i32::try_from(day + 719_163).ok()
}

fn julian(day: i64) -> Option<i32> {
    i32::try_from(day + 2_440_588).ok()
}

fn jiff_date(day: i64) -> Option<(i16, i8, i8)> {
    let (year, month, day) = calendar::date(day);
    Some((i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?))
}

fn jiff_time(clock: TimeOfDay) -> Option<(i8, i8, i8, i32)> {
    let (hour, minute, second, nanos) = time_of(clock)?;
    let small = |part: u8| i8::try_from(part).ok();
    Some((small(hour)?, small(minute)?, small(second)?, i32::try_from(nanos).ok()?))
}

fn time_of(clock: TimeOfDay) -> Option<(u8, u8, u8, u32)> {
    if clock.nanos >= 1_000_000_000 {
        return None;
    }
    let part = |number: u32| u8::try_from(number).ok();
    let (hour, minute) = (part(clock.seconds / 3600)?, part(clock.seconds / 60 % 60)?);
    Some((hour, minute, part(clock.seconds % 60)?, clock.nanos))
}

/// Adds a span of two numbers, of which a crate may count the second one forward.
fn encode_span(numbers: &[Value], out: &mut KeyWriter) -> Option<()> {
    let [seconds, nanos] = numbers else { return None };
    let (seconds, nanos) = (i64::try_from(seconds.as_int()?).ok()?, i32::try_from(nanos.as_int()?).ok()?);
    let counts_forward = seconds < 0 && nanos > 0;
    let (seconds, nanos) =
        if counts_forward { (seconds + 1, nanos - 1_000_000_000) } else { (seconds, nanos) };
    (seconds, nanos).encode(out);
    Some(())
}
