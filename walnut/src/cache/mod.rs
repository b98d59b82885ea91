//! The block cache's budget: one for the blocks, filters and fences of all open SSTs, and for the
//! large values that were read.
//!
//! ```text
//!   SstReader -> slots of blocks ─┐ insert                  ┌─ slots
//!                                 ├──────> Clock: accounts ─┤       evict: the hand asks one account after the other
//!   ValueReader -> map of values ─┘                         └─ values
//! ```
//!
//! 1. Entries are inserted and removed only under the clock's lock, together with their account; so
//!    an entry is cached if and only if its place is in its account's ring, and `used_size` is the
//!    sum of what is charged.
//! 2. What is cached takes no more than the budget leaves beside what is fixed (filters, fences),
//!    which is charged as long as its reader lives.
//! 3. An account that is dropped returns everything.
//!
//! Eviction is a clock with a second chance: what was used since the hand last passed stays once
//! more. What is new counts as not used, so that one scan does not evict what is used again and
//! again. A large value costs as much room as some tens of blocks and saves one read, as each of
//! these does; where it would evict something, it is admitted when it is asked for a second time
//! ([`Cache::admits`]).
//!
//! The entries themselves are held, and handed to readers, by `sst::cache` and `vlog::cache`
//! ([`Evictable`]).

mod doorkeeper;
mod tally;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::doorkeeper::Doorkeeper;
use self::tally::Tally;

/// How many entries in a row may be spared before one is evicted all the same: it bounds the time
/// under the lock.
const MAX_CHANCES: usize = 64;

/// What share of the budget a value may take that is admitted.
const MAX_SHARE: usize = 16;

/// The places of one reader.
pub(crate) trait Evictable: Debug + Send + Sync {
    /// Whether what lies at a place was used since this was asked last.
    fn take_used(&self, place: u64) -> bool;

    /// Removes what lies at a place; what it was charged with. It is called under the clock's lock.
    fn remove(&self, place: u64) -> usize;

    /// What everything on it was charged with.
    fn size(&self, places: &mut dyn Iterator<Item = u64>) -> usize;
}

/// The account of all memory that open SSTs and cached values take.
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
    /// What is charged, in bytes: filters and fences, and what can be evicted.
    fixed_size: usize,
    cached_size: usize,
    accounts: BTreeMap<u64, AccountState>,
    next_account: u64,
    /// The account at which the hand is, and how many of its entries are left until the next has
    /// its turn.
    hand: u64,
    left: usize,
}

#[derive(Debug)]
struct AccountState {
    entries: Box<dyn Evictable>,
    fixed_size: usize,
    /// The places at which something lies, the next to be looked at in front.
    ring: VecDeque<u64>,
}

/// The account of one reader.
#[derive(Debug)]
pub(crate) struct Account {
    cache: Arc<Cache>,
    id: u64,
}

impl Cache {
    /// A cache for so many bytes.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            budget,
            hits: Tally::default(),
            misses: Tally::default(),
            doorkeeper: Doorkeeper::default(),
            clock: Mutex::default(),
        })
    }

    /// The bytes in use.
    pub(crate) fn used_size(&self) -> usize {
        let clock = self.lock();
        clock.fixed_size + clock.cached_size
    }

    /// How often something was asked for and was cached, and how often it was not.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.sum(), self.misses.sum())
    }

    /// Counts something that was asked for.
    #[inline]
    pub(crate) fn note(&self, is_cached: bool) {
        if is_cached {
            self.hits.count();
        } else {
            self.misses.count();
        }
    }

    /// Whether a value that was just read may be cached: while there is room for it; otherwise, if
    /// it was `asked` for and not passed by a scan, the second time within some thousand.
    /// `identity` is a hash of what it is.
    pub(crate) fn admits(&self, identity: u64, size: usize, asked: bool) -> bool {
        if size > self.budget / MAX_SHARE {
            return false;
        }
        let has_room = {
            let clock = self.lock();
            clock.fixed_size.saturating_add(clock.cached_size).saturating_add(size) <= self.budget
        };
        has_room || asked && self.doorkeeper.knows(identity)
    }

    /// An account for a reader's entries, which is empty, and whose filter and fences take
    /// `fixed_size` bytes.
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
        // Nothing under the lock panics half way, so the state behind a poisoned one is whole.
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// The cache that it is of.
    #[inline]
    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Has something of `size` bytes put at an empty place by `put`, if there can be room for it.
    /// `put` is called under the clock's lock, and tells whether the place was still empty.
    pub(crate) fn insert(&self, place: u64, size: usize, put: impl FnOnce() -> bool) {
        let budget = self.cache.budget;
        let mut clock = self.cache.lock();
        // Another reader may have been quicker.
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
    /// Removes what is cached until what is charged fits the budget.
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

    /// The account under the hand, which moves on when it has seen all that one has.
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

#[cfg(test)]
mod tests;
