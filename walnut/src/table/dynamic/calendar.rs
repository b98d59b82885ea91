//! Dates, times and spans as text, in the format of RFC 3339.
//!
//! ```text
//!   2024-02-29                         a day
//!   23:59:59.5                         a time of day
//!   2024-02-29T23:59:59.5              both
//!   2024-02-29T23:59:59.5+01:00        a moment; `Z` for an offset of zero
//!   1.5s                               a span
//! ```
//!
//! Days count from the first of January 1970, in the Gregorian calendar extended both ways. Years
//! are those of ISO 8601: the year 0 is 1 BC; beyond four digits they have a sign.

const SECONDS_OF_DAY: i64 = 86_400;
const NANOS: u32 = 1_000_000_000;

/// A time of day. In a leap second the nanoseconds are a billion and more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TimeOfDay {
    /// Seconds since midnight.
    pub(super) seconds: u32,
    pub(super) nanos: u32,
}

/// A moment: seconds since the Unix epoch, rounded down, and the nanoseconds after them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UnixTime {
    pub(super) seconds: i64,
    pub(super) nanos: u32,
}

pub(super) fn days(year: i64, month: u32, day: u32) -> i64 {
    // Years begin with March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from((month + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

pub(super) fn date(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    let (month, year) = (if month < 10 { month + 3 } else { month - 9 }, year_of_era + era * 400);
    (if month <= 2 { year + 1 } else { year }, small(month), small(day))
}

pub(super) fn parse_days(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (year, rest) = rest.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    if !(4..=9).contains(&year.len()) || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day) = (sign * i64::from(digits(year)?), digits(month)?, digits(day)?);
    let days = days(year, month, day);
    ((1..=12).contains(&month) && day >= 1 && date(days) == (year, month, day)).then_some(days)
}

pub(super) fn show_days(days: i64) -> String {
    let (year, month, day) = date(days);
    if (0..=9999).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+05}-{month:02}-{day:02}")
    }
}

pub(super) fn parse_clock(text: &str) -> Option<TimeOfDay> {
    let (whole, nanos) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (text, 0),
    };
    let mut parts = whole.split(':');
    let mut part = || parts.next().filter(|part| part.len() == 2).and_then(digits);
    let (hour, minute, second) = (part()?, part()?, part()?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let minutes = hour * 60 + minute;
    Some(if second == 60 {
        TimeOfDay { seconds: minutes * 60 + 59, nanos: nanos + NANOS }
    } else {
        TimeOfDay { seconds: minutes * 60 + second, nanos }
    })
}

pub(super) fn show_clock(clock: TimeOfDay) -> String {
    let is_leap = clock.nanos >= NANOS;
    let (hour, minute) = (clock.seconds / 3600, clock.seconds / 60 % 60);
    let second = if is_leap { 60 } else { clock.seconds % 60 };
    format!("{hour:02}:{minute:02}:{second:02}{}", show_fraction(clock.nanos % NANOS))
}

/// Day and time of day of a text without an offset.
pub(super) fn parse_local(text: &str) -> Option<(i64, TimeOfDay)> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    Some((parse_days(date)?, parse_clock(clock)?))
}

/// Day and time of day in UTC, and the offset of the text in seconds.
pub(super) fn parse_offset(text: &str) -> Option<(i64, TimeOfDay, i32)> {
    // A zone may follow in brackets.
    let text = match text.split_once('[') {
        Some((text, zone)) => zone.strip_suffix(']').map(|_| text)?,
        None => text,
    };
    let (local, offset) = if let Some(local) = text.strip_suffix(['Z', 'z']) {
        (local, 0)
    } else {
        let time = text.find(['T', 't', ' '])?;
        let at = time + text[time..].rfind(['+', '-'])?;
        (&text[..at], parse_offset_seconds(&text[at..])?)
    };
    let (day, clock) = parse_local(local)?;
    let seconds = day.checked_mul(SECONDS_OF_DAY)? + i64::from(clock.seconds) - i64::from(offset);
    let seconds_of_day = u32::try_from(seconds.rem_euclid(SECONDS_OF_DAY)).ok()?;
    Some((
        seconds.div_euclid(SECONDS_OF_DAY),
        TimeOfDay { seconds: seconds_of_day, nanos: clock.nanos },
        offset,
    ))
}

pub(super) fn parse_moment(text: &str) -> Option<UnixTime> {
    let (day, clock, _) = parse_offset(text)?;
    let seconds = day.checked_mul(SECONDS_OF_DAY)? + i64::from(clock.seconds);
    (clock.nanos < NANOS).then_some(UnixTime { seconds, nanos: clock.nanos })
}

pub(super) fn show_moment(moment: UnixTime) -> String {
    let day = moment.seconds.div_euclid(SECONDS_OF_DAY);
    let seconds = u32::try_from(moment.seconds.rem_euclid(SECONDS_OF_DAY)).unwrap_or(0);
    format!("{}T{}Z", show_days(day), show_clock(TimeOfDay { seconds, nanos: moment.nanos }))
}

/// Seconds and nanoseconds, both with the sign of the span.
pub(super) fn parse_span(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, nanos) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (text, 0),
    };
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (whole, nanos) = (whole.parse::<i128>().ok()?, i32::try_from(nanos).ok()?);
    let whole = i64::try_from(if negative { -whole } else { whole }).ok()?;
    Some((whole, if negative { -nanos } else { nanos }))
}

/// Seconds and nanoseconds of a span that is not negative.
pub(super) fn parse_duration(text: &str) -> Option<(u64, u32)> {
    let text = text.strip_suffix('s')?;
    let (whole, nanos) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (text, 0),
    };
    let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| whole.parse().ok()).flatten().map(|whole| (whole, nanos))
}

pub(super) fn show_span(seconds: i128, nanos: u32) -> String {
    format!("{seconds}{}s", show_fraction(nanos))
}

/// The offset of a text such as `+01:00`, in seconds.
fn parse_offset_seconds(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut parts = text[1..].split(':');
    let mut part = || parts.next().filter(|part| part.len() == 2).and_then(digits);
    let (hour, minute) = (part()?, part()?);
    let second = parts.next().map_or(Some(0), |part| digits(part).filter(|_| part.len() == 2))?;
    let is_offset = hour < 26 && minute < 60 && second < 60 && parts.next().is_none();
    is_offset.then(|| i32::try_from(hour * 3600 + minute * 60 + second).ok().map(|seconds| sign * seconds))?
}

/// The nanoseconds of one to nine digits after a point.
fn parse_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let size = u32::try_from(text.len()).ok()?;
    Some(digits(text)? * 10u32.pow(9 - size))
}

/// Nanoseconds with a point in front and without trailing zeros.
fn show_fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_owned()
}

/// The number of a text of digits only.
fn digits(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, day) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("0000-03-01", -719_468),
            ("2024-12-31", 20_088),
        ] {
            assert_eq!(parse_days(text), Some(day), "{text}");
            assert_eq!(show_days(day), text);
        }
        for text in ["2023-02-29", "1900-02-29", "2024-13-01", "2024-1-1", "2024-01-00", "", "-", "24-01-01"]
        {
            assert_eq!(parse_days(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_in_utc() {
        let moment = |seconds, nanos| Some(UnixTime { seconds, nanos });
        assert_eq!(parse_moment("1970-01-01T00:00:00Z"), moment(0, 0));
        assert_eq!(parse_moment("1970-01-01T01:00:00.5+01:00"), moment(0, 500_000_000));
        assert_eq!(parse_moment("1969-12-31T23:59:59-00:00[UTC]"), moment(-1, 0));
        assert_eq!(show_moment(UnixTime { seconds: -1, nanos: 5 }), "1969-12-31T23:59:59.000000005Z");
        for text in ["1970-01-01T00:00:00", "1970-01-01", "T", "Z", "1970-01-01T24:00:00Z", "é+01:00"] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_is_read(
            day in -4_000_000i64..4_000_000,
            seconds in 0u32..86_400,
            nanos in 0u32..1_000_000_000,
            span in 0u64..u64::MAX,
        ) {
            prop_assert_eq!(parse_days(&show_days(day)), Some(day));
            let clock = TimeOfDay { seconds, nanos };
            prop_assert_eq!(parse_clock(&show_clock(clock)), Some(clock));
            let moment = UnixTime { seconds: day * 86_400 + i64::from(seconds), nanos };
            prop_assert_eq!(parse_moment(&show_moment(moment)), Some(moment));
            prop_assert_eq!(parse_duration(&show_span(i128::from(span), nanos)), Some((span, nanos)));
        }

        #[test]
        fn no_text_is_a_panic(text in "[-+0-9T:.Zs\\[é]{0,30}") {
            let _ = (parse_days(&text), parse_clock(&text), parse_moment(&text), parse_local(&text));
            let _ = (parse_span(&text), parse_duration(&text));
        }
    }
}
