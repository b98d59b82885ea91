//! Well-known types as text: what serde makes of them, and how they are written.
//!
//! ```text
//!   Uuid         16 bytes                      00000000-0000-0000-0000-000000000000
//!   SystemTime   seconds, nanoseconds          1970-01-01T00:00:00Z
//!   Duration     seconds, nanoseconds          1.5s
//!   addresses    their bytes, a port           127.0.0.1:80
//!   dates, times text, or their numbers        2024-02-29T12:00:00
//! ```
//!
//! A text is shown only if it is parsed as the same bytes again (see [`rows`](super::rows)), so a
//! value without a text, such as a negative span that two crates store in two ways, stays a list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::calendar::{self, TimeOfDay, UnixTime};
use super::value::Value;
use crate::table::shape::Known;

/// The text of what serde makes of a value, if there is one.
pub(super) fn show(known: Known, value: &Value) -> Option<String> {
    let numbers = || numbers(value);
    Some(match known {
        Known::Uuid => show_uuid(&<[u8; 16]>::try_from(bytes(value)?).ok()?),
        Known::SystemTime => match numbers()?[..] {
            [seconds, nanos] => calendar::show_moment(UnixTime {
                seconds: i64::try_from(seconds).ok()?,
                nanos: u32::try_from(nanos).ok()?,
            }),
            _ => return None,
        },
        Known::Duration => match numbers()?[..] {
            [seconds, nanos] if nanos == 0 || seconds >= 0 => {
                calendar::show_span(seconds, u32::try_from(nanos).ok()?)
            }
            _ => return None,
        },
        Known::Ipv4Addr => Ipv4Addr::from(<[u8; 4]>::try_from(bytes(value)?).ok()?).to_string(),
        Known::Ipv6Addr => Ipv6Addr::from(<[u8; 16]>::try_from(bytes(value)?).ok()?).to_string(),
        Known::IpAddr => address(contents(value)?)?.to_string(),
        Known::SocketAddr => match contents(value).unwrap_or(value) {
            Value::Text(text) => text.parse::<SocketAddr>().ok()?.to_string(),
            Value::List(parts) => match &parts[..] {
                [ip, Value::Int(port)] => {
                    SocketAddr::new(address(ip)?, u16::try_from(*port).ok()?).to_string()
                }
                _ => return None,
            },
            _ => return None,
        },
        Known::Decimal => return None,
        Known::Date => calendar::show_days(day(&numbers()?)?),
        Known::Time => calendar::show_clock(clock(&numbers()?)?),
        Known::DateTime => {
            let numbers = numbers()?;
            let (date, time) = numbers.split_at_checked(2)?;
            format!("{}T{}", calendar::show_days(day(date)?), calendar::show_clock(clock(time)?))
        }
        Known::Moment => {
            let numbers = numbers()?;
            let (local, offset) = numbers.split_at_checked(6)?;
            let text = format!(
                "{}T{}",
                calendar::show_days(day(&local[..2])?),
                calendar::show_clock(clock(&local[2..])?)
            );
            if offset.is_empty() {
                return Some(text + "Z");
            }
            let [hour, minute, second] = offset else { return None };
            let sign = if [hour, minute, second].iter().any(|part| **part < 0) { '-' } else { '+' };
            let mut text = format!("{text}{sign}{:02}:{:02}", hour.abs(), minute.abs());
            if *second != 0 {
                text = format!("{text}:{:02}", second.abs());
            }
            text
        }
    })
}

/// What serde makes of the value of a text; `is_enum` distinguishes an address of either version
/// from one of a known version.
pub(super) fn read(known: Known, text: &str, is_enum: bool) -> Option<Value> {
    let list = |numbers: &[i128]| Value::List(numbers.iter().map(|&number| Value::Int(number)).collect());
    Some(match known {
        Known::Uuid => Value::Bytes(read_uuid(text)?.to_vec()),
        Known::SystemTime => {
            let UnixTime { seconds, nanos } = calendar::parse_moment(text)?;
            list(&[seconds.into(), nanos.into()])
        }
        Known::Duration => match calendar::parse_span(text) {
            Some((seconds, nanos)) if nanos >= 0 => list(&[seconds.into(), nanos.into()]),
            Some(_) => return None,
            None => {
                let (seconds, nanos) = calendar::parse_duration(text)?;
                list(&[seconds.into(), nanos.into()])
            }
        },
        Known::Ipv4Addr => Value::Bytes(text.parse::<Ipv4Addr>().ok()?.octets().to_vec()),
        Known::Ipv6Addr => Value::Bytes(text.parse::<Ipv6Addr>().ok()?.octets().to_vec()),
        Known::IpAddr => versioned(text.parse().ok()?, true, |ip| ip),
        Known::SocketAddr => {
            let address: SocketAddr = text.parse().ok()?;
            let port = Value::from(address.port());
            versioned(address.ip(), is_enum, |ip| Value::List(vec![ip, port]))
        }
        Known::Decimal => return None,
        Known::Date => list(&year_and_day(calendar::parse_days(text)?)),
        Known::Time => list(&parts_of(calendar::parse_clock(text)?)?),
        Known::DateTime => {
            let (day, clock) = calendar::parse_local(text)?;
            list(&[&year_and_day(day)[..], &parts_of(clock)?].concat())
        }
        Known::Moment => {
            let (_, _, offset) = calendar::parse_offset(text)?;
            // The stored local time is that of the text without its offset.
            let time = text.find(['T', 't', ' '])?;
            let end = time + text[time..].find(['Z', 'z', '+', '-'])?;
            let (day, clock) = calendar::parse_local(&text[..end])?;
            let offset = i128::from(offset);
            let offset = [offset / 3600, offset / 60 % 60, offset % 60];
            list(&[&year_and_day(day)[..], &parts_of(clock)?, &offset].concat())
        }
    })
}

/// Whether the type itself writes this text, if serde makes text of it.
pub(super) fn is_written(known: Known, text: &str) -> bool {
    match known {
        Known::Decimal => is_decimal(text),
        Known::Moment => calendar::parse_offset(text).is_some(),
        Known::Date => calendar::parse_days(text).is_some(),
        Known::Time => calendar::parse_clock(text).is_some(),
        Known::DateTime => calendar::parse_local(text).is_some(),
        Known::Uuid => read_uuid(text).is_some(),
        Known::IpAddr => text.parse::<IpAddr>().is_ok(),
        Known::Ipv4Addr => text.parse::<Ipv4Addr>().is_ok(),
        Known::Ipv6Addr => text.parse::<Ipv6Addr>().is_ok(),
        Known::SocketAddr => text.parse::<SocketAddr>().is_ok(),
        // A span as text is ISO 8601's, which has many forms.
        Known::SystemTime | Known::Duration => true,
    }
}

/// The sixteen bytes of a text with or without hyphens.
pub(super) fn read_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let has_hyphens = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == matches!(at, 8 | 13 | 18 | 23));
    if digits.len() != 32 || !(has_hyphens || text.len() == 32) || digits.starts_with('+') {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

fn show_uuid(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Digits with at most one point between them, and a sign.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number(whole) && is_number(fraction) && whole.len() + fraction.len() <= 29
}

fn versioned(ip: IpAddr, is_enum: bool, wrap: impl FnOnce(Value) -> Value) -> Value {
    let (version, octets) = match ip {
        IpAddr::V4(ip) => ("V4", ip.octets().to_vec()),
        IpAddr::V6(ip) => ("V6", ip.octets().to_vec()),
    };
    let inner = wrap(Value::Bytes(octets));
    if is_enum { Value::row([(version, inner)]) } else { inner }
}

/// An address from its bytes or its text.
fn address(value: &Value) -> Option<IpAddr> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Bytes(bytes) => match bytes.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(&bytes[..]).ok()?)),
            16 => Some(IpAddr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?)),
            _ => None,
        },
        _ => None,
    }
}

fn contents(value: &Value) -> Option<&Value> {
    match value {
        Value::Map(entries) if entries.len() == 1 => entries.first().map(|(_, value)| value),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// The integers of a list, or of the fields of a struct.
fn numbers(value: &Value) -> Option<Vec<i128>> {
    match value {
        Value::List(values) => values.iter().map(Value::as_int).collect(),
        Value::Map(entries) => entries.iter().map(|(_, value)| value.as_int()).collect(),
        _ => None,
    }
}

/// The day of a year and an ordinal in it.
fn day(numbers: &[i128]) -> Option<i64> {
    let [year, ordinal] = numbers else { return None };
    let year = i64::try_from(*year).ok().filter(|year| year.abs() < 1_000_000)?;
    let first = calendar::days(year, 1, 1);
    let day = first + i64::try_from(*ordinal).ok().filter(|ordinal| (1..=366).contains(ordinal))? - 1;
    (calendar::date(day).0 == year).then_some(day)
}

fn year_and_day(day: i64) -> [i128; 2] {
    let (year, _, _) = calendar::date(day);
    [year.into(), i128::from(day - calendar::days(year, 1, 1) + 1)]
}

/// The time of hour, minute, second and nanosecond.
fn clock(numbers: &[i128]) -> Option<TimeOfDay> {
    let [hour, minute, second, nanos] = numbers else { return None };
    let is_time = (0..24).contains(hour) && (0..60).contains(minute) && (0..60).contains(second);
    let seconds = u32::try_from(hour * 3600 + minute * 60 + second).ok().filter(|_| is_time)?;
    Some(TimeOfDay { seconds, nanos: u32::try_from(*nanos).ok().filter(|nanos| *nanos < 1_000_000_000)? })
}

fn parts_of(clock: TimeOfDay) -> Option<[i128; 4]> {
    let TimeOfDay { seconds, nanos } = clock;
    let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60, nanos].map(i128::from);
    (nanos < 1_000_000_000).then_some(parts)
}
