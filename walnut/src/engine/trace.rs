//! Tells `tracing` what happens in the background, when the feature of that name is on; otherwise
//! nothing, at no cost.
//!
//! Every event has the target `walnut` and its name as the message; sizes are in bytes, times in
//! microseconds.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `recovered` | info | `sst_count`, `memtable_count` (replayed from the log), `last_seqno` |
//! | `flushed` | debug | `memtable_size`, `written_size`, `time` |
//! | `merged` | debug | `input_count`, `input_size`, `output_count`, `output_size`, `output_level`, `time` |
//! | `moved` | debug | `sst_count`, `from_level`, `to_level` |
//! | `stalled` | debug | `time`, `debt_size` |
//! | `failed` | warn | `step` (`flush` or `compaction`), `error`: it is tried again |
//!
//! No event holds a stored key or value.

use std::time::Duration;

use crate::error::Error;
use crate::manifest::Level;

/// A merge that was done.
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "only tracing is told all of it"))]
#[derive(Clone, Copy)]
pub(super) struct Merged {
    pub(super) input_count: usize,
    pub(super) input_size: u64,
    pub(super) output_count: usize,
    pub(super) output_size: u64,
    pub(super) output: Level,
    pub(super) time: Duration,
}

#[cfg(feature = "tracing")]
mod events {
    use super::{Duration, Error, Level, Merged};

    fn micros(time: Duration) -> u64 {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }

    pub(in super::super) fn recovered(sst_count: usize, memtable_count: usize, last_seqno: u64) {
        tracing::info!(target: "walnut", sst_count, memtable_count, last_seqno, "recovered");
    }

    pub(in super::super) fn flushed(memtable_size: usize, written_size: u64, time: Duration) {
        tracing::debug!(target: "walnut", memtable_size, written_size, time = micros(time), "flushed");
    }

    pub(in super::super) fn merged(merged: &Merged) {
        let Merged { input_count, input_size, output_count, output_size, output, time } = *merged;
        let (output_level, time) = (output.index(), micros(time));
        tracing::debug!(
            target: "walnut",
            input_count, input_size, output_count, output_size, output_level, time,
            "merged"
        );
    }

    pub(in super::super) fn moved(sst_count: usize, from: Level, to: Level) {
        tracing::debug!(target: "walnut", sst_count, from_level = from.index(), to_level = to.index(), "moved");
    }

    pub(in super::super) fn stalled(time: Duration, debt_size: u64) {
        tracing::debug!(target: "walnut", time = micros(time), debt_size, "stalled");
    }

    pub(in super::super) fn failed(step: &'static str, error: &Error) {
        tracing::warn!(target: "walnut", step, %error, "failed");
    }
}

#[cfg(not(feature = "tracing"))]
mod events {
    use super::{Duration, Error, Level, Merged};

    pub(in super::super) fn recovered(_: usize, _: usize, _: u64) {}

    pub(in super::super) fn flushed(_: usize, _: u64, _: Duration) {}

    pub(in super::super) fn merged(_: &Merged) {}

    pub(in super::super) fn moved(_: usize, _: Level, _: Level) {}

    pub(in super::super) fn stalled(_: Duration, _: u64) {}

    pub(in super::super) fn failed(_: &'static str, _: &Error) {}
}

pub(super) use events::{failed, flushed, merged, moved, recovered, stalled};
