//! In-memory reservations of unique values, so that transactions racing for one value wait instead
//! of failing at commit.
//!
//! ```text
//!   transaction A ── reserves "ann" ──────────────────── commits ── releases it
//!   transaction B ───────── asks for "ann", waits ──────────────────┘ reads its owner
//! ```
//!
//! A reservation is a hint only: the index decides at the commit which row owns a value, reserved
//! or not. Reservations do not survive the process.
//!
//! 1. A value has one holder at a time. Whatever ends the holder releases it: a commit, a conflict,
//!    a drop, a panic. A failed statement and a rollback to a savepoint release what was reserved
//!    since.
//! 2. A holder never waits for another reservation, so there is no deadlock. Each wait has a limit,
//!    because a holder may be waiting for something else.
//! 3. After a wait in vain the transaction continues without the reservation.
//!
//! Values are identified by the hash of their entry's key. Two values of one hash share a
//! reservation, which costs a wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use crate::base::KeyHash;
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering};

const SHARD_COUNT: usize = 16;

/// The time of one wait for a value, and the number of waits: releases of other values of the same
/// shard wake a waiter too.
const WAIT: Duration = Duration::from_millis(2);
const WAIT_COUNT: usize = 4;

/// The most values that a transaction reserves early: enough for races over a few values, without a
/// copy of a bulk load.
const HELD_LIMIT: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct UniqueReservations {
    shards: [Shard; SHARD_COUNT],
    last_holder: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    holders: Mutex<Holders>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Holders {
    /// Holders by the hash of the value.
    by_value: HashMap<u64, u64>,
    /// Threads that wait for a release.
    waiting: usize,
}

/// The reservations of one transaction in the order of acquisition; dropping it releases them.
#[derive(Debug)]
pub(super) struct TxnReservations {
    reservations: Arc<UniqueReservations>,
    /// `None` until the first request.
    holder: Option<u64>,
    /// `None` for a released one, so that the indexes of the others stay valid.
    held: Vec<Option<u64>>,
}

/// A request that is acquired without holding the transaction's lock.
pub(super) struct ReserveRequest {
    reservations: Arc<UniqueReservations>,
    holder: u64,
    value: u64,
    wait_count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReserveOutcome {
    /// Reserved now; the caller has to [keep](TxnReservations::keep) it.
    Reserved(u64),
    /// The same transaction held it before.
    Held,
    /// Another transaction holds it.
    Taken,
}

impl UniqueReservations {
    fn shard(&self, value: u64) -> &Shard {
        &self.shards[usize::from(value.to_le_bytes()[7]) % SHARD_COUNT]
    }

    fn release(&self, holder: u64, value: u64) {
        let shard = self.shard(value);
        let mut holders = shard.holders.lock();
        if holders.by_value.get(&value) == Some(&holder) {
            holders.by_value.remove(&value);
        }
        let is_awaited = holders.waiting > 0;
        drop(holders);
        if is_awaited {
            shard.released.notify_all();
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.holders.lock().by_value.len()).sum()
    }
}

impl ReserveRequest {
    /// Reserves the value, or waits for it `wait_count` times.
    pub(super) fn acquire(&self) -> ReserveOutcome {
        let shard = self.reservations.shard(self.value);
        let mut holders = shard.holders.lock();
        for waited in 0.. {
            match holders.by_value.entry(self.value) {
                Entry::Vacant(free) => {
                    free.insert(self.holder);
                    return ReserveOutcome::Reserved(self.value);
                }
                Entry::Occupied(taken) if *taken.get() == self.holder => return ReserveOutcome::Held,
                Entry::Occupied(_) if waited == self.wait_count => break,
                Entry::Occupied(_) => {
                    holders.waiting += 1;
                    holders = shard.released.wait_for(holders, WAIT);
                    holders.waiting -= 1;
                }
            }
        }
        ReserveOutcome::Taken
    }

    /// Releases a value that was acquired too late to be kept.
    pub(super) fn cancel(&self) {
        self.reservations.release(self.holder, self.value);
    }
}

impl TxnReservations {
    pub(super) fn new(reservations: &Arc<UniqueReservations>) -> Self {
        Self { reservations: Arc::clone(reservations), holder: None, held: Vec::new() }
    }

    /// A request for a value that is about to be written; `None` above the limit. It waits only if
    /// the transaction holds nothing.
    pub(super) fn request(&mut self, key: &[u8]) -> Option<ReserveRequest> {
        let wait_count = if self.held.iter().any(Option::is_some) { 0 } else { WAIT_COUNT };
        (self.held.len() < HELD_LIMIT).then(|| ReserveRequest { wait_count, ..self.request_now(key) })
    }

    /// A request that does not wait, without the limit.
    pub(super) fn request_now(&mut self, key: &[u8]) -> ReserveRequest {
        let reservations = Arc::clone(&self.reservations);
        let holder =
            *self.holder.get_or_insert_with(|| reservations.last_holder.fetch_add(1, Ordering::Relaxed) + 1);
        ReserveRequest { reservations, holder, value: KeyHash::of(key).0, wait_count: 0 }
    }

    pub(super) fn keep(&mut self, value: u64) {
        self.held.push(Some(value));
    }

    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.held.contains(&Some(KeyHash::of(key).0))
    }

    /// Releases a value; returns whether it was held.
    pub(super) fn release(&mut self, key: &[u8]) -> bool {
        let value = KeyHash::of(key).0;
        let Some(index) = self.held.iter().position(|held| *held == Some(value)) else { return false };
        self.held[index] = None;
        self.release_all([value]);
        true
    }

    /// The number of reservations, released ones included.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// Releases all but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        if self.held.len() > count {
            let later = self.held.split_off(count);
            self.release_all(later.into_iter().flatten());
        }
    }

    fn release_all(&self, values: impl IntoIterator<Item = u64>) {
        if let Some(holder) = self.holder {
            values.into_iter().for_each(|value| self.reservations.release(holder, value));
        }
    }
}

impl Drop for TxnReservations {
    fn drop(&mut self) {
        self.truncate(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(reservations: &mut TxnReservations, key: &[u8]) -> ReserveOutcome {
        let outcome = reservations.request_now(key).acquire();
        if let ReserveOutcome::Reserved(value) = outcome {
            reservations.keep(value);
        }
        outcome
    }

    #[test]
    fn a_value_has_one_holder_until_it_is_given_back() {
        let reservations = Arc::new(UniqueReservations::default());
        let (mut one, mut other) = (TxnReservations::new(&reservations), TxnReservations::new(&reservations));
        assert!(matches!(reserve(&mut one, b"ann"), ReserveOutcome::Reserved(_)));
        assert_eq!(reserve(&mut one, b"ann"), ReserveOutcome::Held);
        assert_eq!(reserve(&mut other, b"ann"), ReserveOutcome::Taken);
        assert!(one.holds(b"ann") && !other.holds(b"ann") && !other.release(b"ann"));
        assert!(one.release(b"ann") && !one.release(b"ann"));
        assert!(matches!(reserve(&mut other, b"ann"), ReserveOutcome::Reserved(_)));
        assert!(matches!(reserve(&mut one, b"bob"), ReserveOutcome::Reserved(_)));
        assert!(matches!(reserve(&mut one, b"cid"), ReserveOutcome::Reserved(_)));
        assert_eq!(reservations.count(), 3);
        // The place of what was given back still counts.
        one.truncate(2);
        assert!(one.holds(b"bob") && !one.holds(b"cid"));
        drop(one);
        assert_eq!(reservations.count(), 1);
        drop(other);
        assert_eq!(reservations.count(), 0);
    }

    #[test]
    fn who_waits_for_a_value_goes_on_when_it_is_given_back() {
        let reservations = Arc::new(UniqueReservations::default());
        let mut first = TxnReservations::new(&reservations);
        assert!(matches!(reserve(&mut first, b"ann"), ReserveOutcome::Reserved(_)));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                // However long it takes: this is not about the limit.
                let request = TxnReservations::new(&reservations).request_now(b"ann");
                ReserveRequest { wait_count: usize::MAX, ..request }.acquire()
            });
            while reservations.shard(KeyHash::of(b"ann").0).holders.lock().waiting == 0 {
                std::thread::yield_now();
            }
            drop(first);
            assert!(matches!(waits.join(), Ok(ReserveOutcome::Reserved(_))));
        });
    }

    #[test]
    fn a_wait_ends_and_who_holds_something_does_not_wait() {
        let reservations = Arc::new(UniqueReservations::default());
        let (mut one, mut other) = (TxnReservations::new(&reservations), TxnReservations::new(&reservations));
        assert!(matches!(reserve(&mut one, b"ann"), ReserveOutcome::Reserved(_)));
        let request = other.request(b"ann").expect("little is held");
        assert_eq!(request.wait_count, WAIT_COUNT);
        assert_eq!(request.acquire(), ReserveOutcome::Taken);
        assert!(matches!(reserve(&mut other, b"bob"), ReserveOutcome::Reserved(_)));
        assert_eq!(other.request(b"ann").expect("little is held").wait_count, 0);
    }

    #[test]
    fn a_bulk_load_does_not_reserve_everything() {
        let reservations = Arc::new(UniqueReservations::default());
        let mut bulk = TxnReservations::new(&reservations);
        for n in 0..HELD_LIMIT {
            assert!(matches!(reserve(&mut bulk, &n.to_le_bytes()), ReserveOutcome::Reserved(_)));
        }
        assert!(bulk.request(b"one more").is_none());
        assert!(matches!(reserve(&mut bulk, b"asked for"), ReserveOutcome::Reserved(_)));
    }
}
