//! Write throttling and the compaction rate limit: two token buckets.
//!
//! ```text
//!   commit of n bytes --current cost-> so many nanoseconds on the writers' clock --ahead of the real one?--> a short wait
//!   merge of n bytes  --I/O limit-----> so many nanoseconds on the merges' clock  --ahead by more than a burst?--> a wait
//! ```
//!
//! 1. The price is zero while flushing and compaction keep up, rises with what they are behind in
//!    bytes, and falls with it. So writers come to the speed at which work is done behind them, a
//!    little for each commit, in proportion to its bytes.
//! 2. No commit waits longer than [`MAX_WAIT`] for this.
//! 3. Flushes are charged to the limit of merges and never wait for it: writers would wait with
//!    them.
//!
//! With manual background work no writer is slowed: waiting would change nothing.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::engine::background::progress::Compactions;
use crate::engine::health::Health;
use crate::engine::trace;
use crate::env::Env;
use crate::error::Result;
use crate::sync::{AtomicU64, Ordering};

/// The longest that a commit is held up. With eight writers of small rows some thousand commits a
/// second pass at the very least.
const MAX_WAIT: Duration = Duration::from_millis(5);

/// Waits shorter than this are saved up for later ones: the operating system makes them longer than
/// that.
const LEAST_WAIT: Duration = Duration::from_micros(100);

/// How far a merge may run ahead of the limit.
const BURST: Duration = Duration::from_millis(50);

/// How long a merge waits before it looks whether it is to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The price of a flush, in nanoseconds for each KiB, before one was measured: that of 50 MB a
/// second.
const FIRST_FLUSH_PRICE: u64 = 20_000;

/// The price, in nanoseconds for each KiB, when compaction is behind by twice what it may be: that
/// of 100 MB a second.
const DEBT_PRICE: u128 = 10_000;

/// The highest price: that of half a megabyte a second.
const MAX_PRICE: u64 = 2_000_000;

/// How many memtables of bytes compaction may be behind before it costs anything.
const CALM_MEMTABLES: u64 = 8;

/// A clock that runs ahead of the real one by what was spent on it.
#[derive(Debug, Default)]
struct RateLimiter {
    paid_until: AtomicU64,
}

impl RateLimiter {
    /// Adds a cost in nanoseconds at a time of the real clock, and returns how far ahead this one
    /// is then: `limit` at most.
    fn pay(&self, now: Duration, cost: u64, limit: Duration) -> Duration {
        let (now, limit) = (nanos(now), nanos(limit));
        let add = |until: u64| until.max(now).saturating_add(cost).min(now.saturating_add(limit));
        let before =
            self.paid_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| Some(add(until)));
        let (Ok(before) | Err(before)) = before;
        Duration::from_nanos(add(before) - now)
    }
}

/// The token buckets of writers and merges, and what happened to them.
#[derive(Debug)]
pub(in crate::engine) struct Throttle {
    memtable_size: u64,
    io_limit: Option<NonZeroU64>,
    is_manual: bool,

    writers: RateLimiter,
    merges: RateLimiter,
    /// What flushes have cost lately, in nanoseconds for each KiB of memtable.
    flush_price: AtomicU64,
    /// Bytes by which compaction is behind.
    debt: AtomicU64,
    /// Bytes of batches that came to be committed.
    committed_size: AtomicU64,
    stall_count: AtomicU64,
    stall_nanos: AtomicU64,
}

impl Throttle {
    /// `io_limit` bounds the bytes that merges read and write in a second. Without threads
    /// (`is_manual`) nothing waits.
    pub(in crate::engine) fn new(
        memtable_size: usize,
        io_limit: Option<NonZeroU64>,
        is_manual: bool,
    ) -> Self {
        Self {
            memtable_size: memtable_size as u64,
            io_limit,
            is_manual,
            writers: RateLimiter::default(),
            merges: RateLimiter::default(),
            flush_price: AtomicU64::new(FIRST_FLUSH_PRICE),
            debt: AtomicU64::new(0),
            committed_size: AtomicU64::new(0),
            stall_count: AtomicU64::new(0),
            stall_nanos: AtomicU64::new(0),
        }
    }

    /// Delays a writer of `size` bytes while flushing or compaction is behind. `room` returns the
    /// number of memtables that can still be frozen.
    pub(in crate::engine) fn delay_writer(
        &self,
        size: usize,
        room: impl FnOnce() -> usize,
        env: &dyn Env,
        progress: &Compactions,
    ) {
        self.committed_size.fetch_add(size as u64, Ordering::Relaxed);
        if self.is_manual {
            return;
        }
        // No writer waits for what fails.
        let debt = self.debt();
        let debt = if debt > 0 && progress.progress().is_failing { 0 } else { debt };
        let price = cost(room(), self.flush_price.load(Ordering::Relaxed), debt, self.memtable_size);
        if price == 0 {
            return;
        }
        let cost = price.saturating_mul(size as u64) / 1024;
        let wait = self.writers.pay(env.monotonic_clock(), cost, MAX_WAIT);
        if wait >= LEAST_WAIT {
            progress.wait(wait);
            self.note_stall(wait);
            trace::stalled(wait, debt);
        }
    }

    /// Measures a flush of a memtable, and charges what it wrote to the limit of merges.
    pub(in crate::engine) fn note_flush(
        &self,
        memtable_size: usize,
        (began, now): (Duration, Duration),
        written: u64,
    ) {
        let time = now.saturating_sub(began);
        self.measure_flush(memtable_size, time);
        trace::flushed(memtable_size, written, time);
        self.pay_for_merging(now, written);
    }

    /// Waits until a merge may read or write `size` bytes more; an error once the engine is closed.
    pub(in crate::engine) fn wait_for_budget(
        &self,
        size: u64,
        env: &dyn Env,
        health: &Health,
        progress: &Compactions,
    ) -> Result<()> {
        health.ensure_open()?;
        let mut ahead = self.pay_for_merging(env.monotonic_clock(), size);
        while !self.is_manual && ahead > BURST {
            progress.wait(ahead.saturating_sub(BURST).min(LOOK_AGAIN));
            health.ensure_open()?;
            ahead = self.pay_for_merging(env.monotonic_clock(), 0);
        }
        Ok(())
    }

    fn pay_for_merging(&self, now: Duration, size: u64) -> Duration {
        let Some(limit) = self.io_limit else { return Duration::ZERO };
        let cost = u128::from(size) * 1_000_000_000 / u128::from(limit.get());
        self.merges.pay(now, u64::try_from(cost).unwrap_or(u64::MAX), Duration::from_secs(60))
    }

    pub(in crate::engine) fn committed_size(&self) -> u64 {
        self.committed_size.load(Ordering::Relaxed)
    }

    pub(in crate::engine) fn debt(&self) -> u64 {
        self.debt.load(Ordering::Relaxed)
    }

    /// How many commits were held up, and for how long together.
    pub(in crate::engine) fn stalls(&self) -> (u64, Duration) {
        let time = Duration::from_nanos(self.stall_nanos.load(Ordering::Relaxed));
        (self.stall_count.load(Ordering::Relaxed), time)
    }

    /// Sets the bytes by which compaction is behind.
    pub(in crate::engine) fn note_debt(&self, debt: u64) {
        self.debt.store(debt, Ordering::Relaxed);
    }

    fn measure_flush(&self, size: usize, took: Duration) {
        let price = nanos(took).saturating_mul(1024) / (size as u64).max(1);
        let before = self.flush_price.load(Ordering::Relaxed);
        self.flush_price.store((3 * before + price.min(MAX_PRICE)) / 4, Ordering::Relaxed);
    }

    fn note_stall(&self, waited: Duration) {
        self.stall_count.fetch_add(1, Ordering::Relaxed);
        self.stall_nanos.fetch_add(nanos(waited), Ordering::Relaxed);
    }
}

/// What a KiB of a commit costs in nanoseconds.
///
/// `room` is how many more memtables can be frozen before writers have to flush themselves. With
/// two, writers go as fast as flushes; with one, four times slower, so that this one does not fill
/// before it is needed.
fn cost(room: usize, flush_price: u64, debt: u64, memtable_size: u64) -> u64 {
    let flush = match room {
        0 | 1 => flush_price.saturating_mul(4),
        2 => flush_price,
        _ => 0,
    };
    let calm = u128::from(memtable_size) * u128::from(CALM_MEMTABLES);
    let excess = u128::from(debt).saturating_sub(calm);
    let behind = DEBT_PRICE.saturating_mul(excess.saturating_mul(excess)) / (calm * calm).max(1);
    flush.saturating_add(u64::try_from(behind).unwrap_or(MAX_PRICE)).min(MAX_PRICE)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMTABLE: u64 = 32 << 20;

    #[test]
    fn writing_is_free_until_something_is_behind_and_then_dearer_with_every_byte_of_it() {
        assert_eq!(cost(4, 1000, 0, MEMTABLE), 0);
        assert_eq!(cost(3, 1000, CALM_MEMTABLES * MEMTABLE, MEMTABLE), 0);
        assert_eq!(cost(2, 1000, 0, MEMTABLE), 1000);
        assert_eq!(cost(1, 1000, 0, MEMTABLE), 4000);
        assert_eq!(cost(0, 1000, 0, MEMTABLE), 4000);
        let of = |memtables: u64| cost(4, 1000, memtables * MEMTABLE, MEMTABLE);
        assert_eq!(of(16), 10_000);
        assert!((8..60).map(of).collect::<Vec<_>>().is_sorted_by(|low, high| low < high));
        assert_eq!(cost(4, 1000, u64::MAX, 1), MAX_PRICE);
        assert_eq!(cost(1, u64::MAX, 0, MEMTABLE), MAX_PRICE);
    }

    #[test]
    fn a_toll_is_paid_in_time_and_never_beyond_the_limit() {
        let toll = RateLimiter::default();
        let (second, limit) = (Duration::from_secs(1), MAX_WAIT);
        let micros = Duration::from_micros;
        assert_eq!(toll.pay(second, 300_000, limit), micros(300));
        assert_eq!(toll.pay(second, 300_000, limit), micros(600));
        assert_eq!(toll.pay(second + micros(500), 0, limit), micros(100), "time has passed");
        assert_eq!(
            toll.pay(second + micros(900), 5_000, limit),
            micros(5),
            "what was not spent is not saved up"
        );
        assert_eq!(toll.pay(second + micros(900), u64::MAX, limit), MAX_WAIT);
        assert_eq!(toll.pay(second + micros(900), 1, limit), MAX_WAIT);
        assert_eq!(toll.pay(second + micros(900) + MAX_WAIT, 0, limit), Duration::ZERO);
    }

    #[test]
    fn the_price_of_a_flush_follows_what_was_measured() {
        let pacer = Throttle::new(1 << 20, None, false);
        for _ in 0..60 {
            pacer.measure_flush(1 << 20, Duration::from_millis(100));
        }
        let price = pacer.flush_price.load(Ordering::Relaxed);
        assert!((97_000..98_000).contains(&price), "{price} ns for each KiB");
        pacer.measure_flush(0, Duration::MAX);
        assert!(pacer.flush_price.load(Ordering::Relaxed) <= MAX_PRICE);
    }
}
