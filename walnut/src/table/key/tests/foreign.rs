//! The law and the bytes of the types of other crates.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use jiff::{SignedDuration, Timestamp, civil};
use proptest::prelude::*;
use proptest::sample::select;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

use super::encode;
use super::law::holds;

fn nanos() -> impl Strategy<Value = u32> {
    prop_oneof![select(&[0, 1, 999_999_999][..]), 0u32..1_000_000_000]
}

/// Seconds around the epoch, and some thousands of years from it.
fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![-3i64..3, -60_000_000_000i64..60_000_000_000]
}

/// Seconds and nanoseconds with one sign.
fn span() -> impl Strategy<Value = (i64, i32)> {
    (any::<bool>(), seconds(), nanos()).prop_map(|(negative, seconds, nanos)| {
        let nanos = i32::try_from(nanos).unwrap();
        if negative { (-seconds.abs(), -nanos) } else { (seconds.abs(), nanos) }
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[test]
fn the_types_of_time_obey() {
    let date =
        || prop_oneof![0i32..3, -1_900_000i32..5_300_000].prop_map(|day| Date::from_julian_day(day).unwrap());
    let time = || {
        (0u8..24, 0u8..60, 0u8..60, nanos()).prop_map(|(h, m, s, n)| Time::from_hms_nano(h, m, s, n).unwrap())
    };
    holds(date(), Ord::cmp, |k| *k);
    holds(time(), Ord::cmp, |k| *k);
    holds((date(), time()).prop_map(|(date, time)| PrimitiveDateTime::new(date, time)), Ord::cmp, |k| *k);
    let moment = || {
        (seconds(), nanos()).prop_map(|(seconds, nanos)| {
            UtcDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap()
        })
    };
    holds(moment(), Ord::cmp, |k| *k);
    let offset = (moment(), -12i8..12).prop_map(|(moment, hours)| {
        OffsetDateTime::from(moment).to_offset(UtcOffset::from_hms(hours, 0, 0).unwrap())
    });
    holds(offset, Ord::cmp, |k| *k);
    holds(span().prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)), Ord::cmp, |k| *k);
}

#[test]
fn the_types_of_chrono_obey() {
    let date = || {
        let days = prop_oneof![-3i32..3, -90_000_000i32..90_000_000];
        days.prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).unwrap())
    };
    let time = || {
        let leap = prop_oneof![nanos(), nanos().prop_map(|nanos| nanos + 1_000_000_000)];
        (0u32..86_400, leap).prop_filter_map("a leap second", |(seconds, nanos)| {
            NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
        })
    };
    let both = || (date(), time()).prop_map(|(date, time): (NaiveDate, NaiveTime)| date.and_time(time));
    holds(date(), Ord::cmp, |k| *k);
    holds(time(), Ord::cmp, |k| *k);
    holds(both(), Ord::cmp, |k: &NaiveDateTime| *k);
    holds(both().prop_map(|both| both.and_utc()), Ord::cmp, |k: &DateTime<Utc>| *k);
    let offset = (both(), -12i32..12).prop_map(|(both, hours)| {
        both.and_utc().with_timezone(&FixedOffset::east_opt(hours * 3_600).unwrap())
    });
    holds(offset, Ord::cmp, |k: &DateTime<FixedOffset>| *k);
    let delta = (seconds(), nanos()).prop_map(|(seconds, nanos)| TimeDelta::new(seconds, nanos).unwrap());
    holds(delta, Ord::cmp, |k| *k);
}

#[test]
fn the_types_of_jiff_obey() {
    let date = || {
        let years = prop_oneof![-2i16..3, -9_999i16..9_999];
        (years, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| civil::Date::new(year, month, day).unwrap())
    };
    let time = || {
        (0i8..24, 0i8..60, 0i8..60, nanos()).prop_map(|(hour, minute, second, nanos)| {
            civil::Time::new(hour, minute, second, i32::try_from(nanos).unwrap()).unwrap()
        })
    };
    holds(date(), Ord::cmp, |k| *k);
    holds(time(), Ord::cmp, |k| *k);
    holds((date(), time()).prop_map(|(date, time)| civil::DateTime::from_parts(date, time)), Ord::cmp, |k| {
        *k
    });
    holds(span().prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).unwrap()), Ord::cmp, |k| *k);
    holds(span().prop_map(|(seconds, nanos)| SignedDuration::new(seconds, nanos)), Ord::cmp, |k| *k);
}

#[test]
fn their_bytes_are_these() {
    let bytes = [
        encode(&Date::from_julian_day(2_440_588).unwrap()),
        encode(&Time::from_hms_nano(23, 1, 2, 3).unwrap()),
        encode(&OffsetDateTime::from_unix_timestamp(-1).unwrap()),
        encode(&Duration::new(-1, -5)),
        encode(&NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()),
        encode(&NaiveTime::from_num_seconds_from_midnight_opt(86_399, 1_999_999_999).unwrap()),
        encode(&DateTime::<Utc>::from_timestamp(1, 2).unwrap()),
        encode(&TimeDelta::new(-2, 999_999_995).unwrap()),
        encode(&civil::date(2026, 11, 24)),
        encode(&civil::time(23, 1, 2, 3)),
        encode(&Timestamp::new(-1, -5).unwrap()),
        encode(&SignedDuration::new(1, 5)),
    ];
    let expected = [
        "80253d8c",
        "17010200000003",
        "7fffffffffffffff00000000",
        "7fffffffffffffff7ffffffb",
        "800af93b",
        "0001517f773593ff",
        "800af93b0000000100000002",
        "7fffffffffffffff7ffffffb",
        "87ea8b98",
        "97818280000003",
        "7fffffffffffffff7ffffffb",
        "800000000000000180000005",
    ];
    assert_eq!(bytes.map(|bytes| hex(&bytes)), expected);
}
