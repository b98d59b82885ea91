//! The cache budget: shared by the blocks, filters and block indexes of all open SSTs, and by
//! cached large values.
//!
//! ```text
//!   SstReader -> slots of blocks ─┐ insert                  ┌─ slots
//!                                 ├──────> Clock: accounts ─┤       evict: the hand visits
//!   ValueReader -> map of values ─┘                         └─ values   accounts in turn
//! ```
//!
//! 1. Entries are inserted and removed only under the clock's lock, together with their account; so
//!    an entry is cached if and only if its place is in its account's ring, and `used_size` is the
//!    sum of what is charged.
//! 2. Cached entries take at most what the budget leaves besides the fixed part (filters, block
//!    indexes), which is charged as long as its reader lives.
//! 3. An account that is dropped releases everything.
//!
//! Eviction is CLOCK with a second chance: an entry that was used since the hand last passed stays
//! once more. A new entry counts as not used, so that one scan does not evict entries that are used
//! repeatedly. A large value takes as much space as some tens of blocks, each of which saves one
//! read, as the value does; a value that would evict something is therefore admitted only on its
//! second read ([`Cache::admits`]).
//!
//! The entries themselves are held, and lent to readers, by `sst::cache` and `vlog::cache`
//! ([`Evictable`]).

mod doorkeeper;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::doorkeeper::Doorkeeper;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// The most entries in a row that are spared before one is evicted all the same: it bounds the time
/// under the lock.
const MAX_CHANCES: usize = 64;

/// An admitted value takes at most this part of the budget.
const MAX_SHARE: usize = 16;

/// The cached entries of one reader, by place.
pub(crate) trait Evictable: Debug + Send + Sync {
    /// Returns and clears whether the entry at a place was used.
    fn take_used(&self, place: u64) -> bool;

    /// Removes the entry at a place; returns the bytes that it was charged with. Called under the
    /// clock's lock.
    fn remove(&self, place: u64) -> usize;

    /// The bytes that the entries at these places were charged with.
    fn size(&self, places: &mut dyn Iterator<Item = u64>) -> usize;
}

/// The cache, which accounts for all memory of open SSTs and cached values.
#[derive(Debug)]
pub(crate) struct Cache {
    budget: usize,
    hits: Tally,
    misses: Tally,
    doorkeeper: Doorkeeper,
    clock: Mutex<Clock>,
}

#[derive(Debug, Default)]
struct Clock {
    /// The charged bytes: of filters and block indexes, and of what can be evicted.
    fixed_size: usize,
    cached_size: usize,
    accounts: BTreeMap<u64, AccountState>,
    next_account: u64,
    /// The account under the hand, and how many of its entries are left before the next account.
    hand: u64,
    left: usize,
}

#[derive(Debug)]
struct AccountState {
    entries: Box<dyn Evictable>,
    fixed_size: usize,
    /// The places of the entries, the next candidate for eviction first.
    ring: VecDeque<u64>,
}

/// The account of one reader.
#[derive(Debug)]
pub(crate) struct Account {
    cache: Arc<Cache>,
    id: u64,
}

impl Cache {
    /// A cache of `budget` bytes.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            budget,
            hits: Tally::default(),
            misses: Tally::default(),
            doorkeeper: Doorkeeper::default(),
            clock: Mutex::default(),
        })
    }

    /// What it was made for, in bytes.
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    pub(crate) fn used_size(&self) -> usize {
        let clock = self.lock();
        clock.fixed_size + clock.cached_size
    }

    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.sum(), self.misses.sum())
    }

    /// Counts a hit or a miss.
    #[inline]
    pub(crate) fn note(&self, is_cached: bool) {
        if is_cached {
            self.hits.count();
        } else {
            self.misses.count();
        }
    }

    /// Whether so many bytes can be cached without an eviction.
    pub(crate) fn has_room(&self, size: usize) -> bool {
        let clock = self.lock();
        clock.fixed_size.saturating_add(clock.cached_size).saturating_add(size) <= self.budget
    }

    /// Returns whether a value that was just read may be cached: yes while there is free space;
    /// otherwise, for a point read (`asked`), on the second read within some thousand. `identity`
    /// is a hash of the value's location.
    pub(crate) fn admits(&self, identity: u64, size: usize, asked: bool) -> bool {
        if size > self.budget / MAX_SHARE {
            return false;
        }
        self.has_room(size) || asked && self.doorkeeper.knows(identity)
    }

    /// Opens an account for a reader's entries, of which there must be none; the reader's filter
    /// and block index take `fixed_size` bytes.
    pub(crate) fn register(self: &Arc<Self>, places: impl Evictable + 'static, fixed_size: usize) -> Account {
        let mut clock = self.lock();
        let id = clock.next_account;
        clock.next_account += 1;
        clock.fixed_size += fixed_size;
        clock
            .accounts
            .insert(id, AccountState { entries: Box::new(places), fixed_size, ring: VecDeque::new() });
        clock.evict(self.budget);
        drop(clock);
        Account { cache: Arc::clone(self), id }
    }

    fn lock(&self) -> MutexGuard<'_, Clock> {
        // Nothing under the lock panics half way, so the state behind a poisoned lock is
        // consistent.
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    #[inline]
    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Inserts an entry of `size` bytes at an empty place by `put`, if there is space for it. `put`
    /// is called under the clock's lock, and returns whether the place was still empty.
    pub(crate) fn insert(&self, place: u64, size: usize, put: impl FnOnce() -> bool) {
        let budget = self.cache.budget;
        let mut clock = self.cache.lock();
        // Another reader may have been faster.
        if clock.fixed_size.saturating_add(size) > budget || !put() {
            return;
        }
        let state = clock.accounts.get_mut(&self.id).expect("an account is there until it is dropped");
        state.ring.push_back(place);
        clock.cached_size += size;
        clock.evict(budget);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let mut clock = self.cache.lock();
        let Some(state) = clock.accounts.remove(&self.id) else { return };
        clock.cached_size -= state.entries.size(&mut state.ring.iter().copied());
        clock.fixed_size -= state.fixed_size;
    }
}

impl Clock {
    /// Evicts entries until the charged bytes fit the budget.
    fn evict(&mut self, budget: usize) {
        let mut chances = MAX_CHANCES;
        while self.cached_size > 0 && self.fixed_size + self.cached_size > budget {
            let Some(state) = self.next_account_state() else { return };
            let Some(place) = state.ring.pop_front() else { return };
            if chances > 0 && state.entries.take_used(place) {
                state.ring.push_back(place);
                chances -= 1;
            } else {
                chances = MAX_CHANCES;
                let size = state.entries.remove(place);
                self.cached_size -= size;
            }
        }
    }

    /// The account under the hand, which advances when it has passed all entries of an account.
    fn next_account_state(&mut self) -> Option<&mut AccountState> {
        if self.left == 0 || self.accounts.get(&self.hand).is_none_or(|state| state.ring.is_empty()) {
            let after = self.accounts.range(self.hand.saturating_add(1)..);
            let (&id, state) =
                after.chain(self.accounts.range(..=self.hand)).find(|(_, state)| !state.ring.is_empty())?;
            (self.hand, self.left) = (id, state.ring.len());
        }
        self.left -= 1;
        self.accounts.get_mut(&self.hand)
    }
}

/// A striped counter: one that all threads share would cost more than the read that it counts.
/// Threads that share a stripe may lose a count: it is a statistic.
#[derive(Debug, Default)]
struct Tally([Stripe; STRIPE_COUNT]);

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
    fn count(&self) {
        let count = &self.0[STRIPE.with(|stripe| *stripe)].0;
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests;
