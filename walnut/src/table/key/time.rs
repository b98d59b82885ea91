//! `SystemTime` and `Duration`: whole seconds, then the nanoseconds after them.
//!
//! ```text
//!  0                 8                12
//!  | seconds         | nanoseconds    |      Duration: u64, u32      SystemTime: i64 since the Unix epoch, u32
//! ```
//!
//! 1. The nanoseconds are fewer than a second's; they count forward before the epoch, too: 1.25 s
//!    before it is -2 s and 750,000,000 ns.
//! 2. A time that this machine cannot hold to the nanosecond is an error when it is read, not
//!    another time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::codec::Side;
use super::{Key, KeyReader, KeyShape, KeyWriter, by_value};
use crate::error::Fault;

const NANOS_PER_SECOND: u32 = 1_000_000_000;

#[diagnostic::do_not_recommend]
impl Key for Duration {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::tuple([u64::key_shape(), u32::key_shape()]).named("Duration")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.as_secs().encode(out);
        self.subsec_nanos().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let seconds = u64::decode(input)?;
        Ok(Self::new(seconds, decode_nanos(input)?))
    }
}

#[diagnostic::do_not_recommend]
impl Key for SystemTime {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::tuple([i64::key_shape(), u32::key_shape()]).named("SystemTime")
    }

    fn encode(&self, out: &mut KeyWriter) {
        if let Some((seconds, nanos)) = since_epoch(*self) {
            seconds.encode(out);
            return nanos.encode(out);
        }
        let (last, side) =
            if *self < UNIX_EPOCH { (i64::MIN, Side::Before) } else { (i64::MAX, Side::After) };
        last.encode(out);
        out.refuse_at(side, "a time is too far from the Unix epoch");
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (seconds, nanos) = (i64::decode(input)?, decode_nanos(input)?);
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let second =
            if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        second
            .and_then(|second| second.checked_add(Duration::from_nanos(nanos.into())))
            .filter(|&time| since_epoch(time) == Some((seconds, nanos)))
            .ok_or(Fault::Invalid("time in a key"))
    }
}

/// The seconds rounded down, and the nanoseconds after them.
fn since_epoch(time: SystemTime) -> Option<(i64, u32)> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Some((i64::try_from(after.as_secs()).ok()?, after.subsec_nanos())),
        Err(error) => {
            let before = error.duration();
            let seconds = 0i64.checked_sub_unsigned(before.as_secs())?;
            match before.subsec_nanos() {
                0 => Some((seconds, 0)),
                nanos => Some((seconds.checked_sub(1)?, NANOS_PER_SECOND - nanos)),
            }
        }
    }
}

fn decode_nanos(input: &mut KeyReader<'_>) -> Result<u32, Fault> {
    let nanos = u32::decode(input)?;
    if nanos < NANOS_PER_SECOND { Ok(nanos) } else { Err(Fault::Invalid("nanoseconds in a key")) }
}
