//! A striped counter: one that all threads share would cost more than the read that it counts.

use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// A striped counter. Threads that share a stripe may lose a count: it is a statistic.
#[derive(Debug, Default)]
pub(super) struct Tally([Stripe; STRIPE_COUNT]);

const STRIPE_COUNT: usize = 16;

/// A counter that shares no cache line, nor the one prefetched with it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPE_COUNT;
}

impl Tally {
    #[inline]
    pub(super) fn count(&self) {
        let count = &self.0[STRIPE.with(|stripe| *stripe)].0;
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}
