//! Where those who want the same unique value meet before they have done their work.
//!
//! ```text
//!   attempt A ── reserves "ann" ────────────── commits ── gives it back
//!   attempt B ───────── wants "ann", waits ──────────────┘ reads who owns it now
//! ```
//!
//! A reservation says that an attempt is about to take a value. It is a courtesy and not a right:
//! the index decides at the commit who owns a value, whether or not anything was reserved, and
//! nothing here outlives the process.
//!
//! 1. A value has one holder at a time, and is given back with whatever ends its holder: a commit,
//!    a conflict, a drop, a panic; a statement that failed and a rollback to a savepoint give back
//!    what they had reserved.
//! 2. Nobody who holds a reservation waits for another one, so those who wait never stand in a
//!    ring; and each wait has a limit, because a holder may be waiting for something else.
//! 3. Who waited in vain goes on as if there were no guard.
//!
//! Values are known by the hash of their entry's key. Two of the same hash meet as if they were one
//! value, which costs a wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use crate::base::KeyHash;
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering};

/// Parts of the map, each with a lock of its own.
const SHARD_COUNT: usize = 16;

/// How long is waited for a value at a time, and how often: others of the same shard wake those who
/// wait, too.
const WAIT: Duration = Duration::from_millis(2);
const WAIT_COUNT: usize = 4;

/// The most values that an attempt reserves by itself: a courtesy to those who race for a few, not
/// a copy of a bulk load.
const HELD_LIMIT: usize = 256;

/// All reservations of a database.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    shards: [Shard; SHARD_COUNT],
    last_holder: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    holders: Mutex<Holders>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct Holders {
    /// By the hash of the value.
    by_value: HashMap<u64, u64>,
    /// How many wait for one of these to be given back.
    waiting: usize,
}

/// The reservations of one attempt, in the order in which they were made; dropping it gives them
/// back.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    guard: Arc<Guard>,
    /// The attempt's number, once it has one.
    holder: Option<u64>,
    /// `None` where one was given back, so that places stay what they were.
    held: Vec<Option<u64>>,
}

/// A wish for a value, to be fulfilled without holding a lock.
pub(super) struct Wish {
    guard: Arc<Guard>,
    holder: u64,
    value: u64,
    wait_count: usize,
}

/// What came of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wished {
    /// It is reserved now, and has to be [kept](Reservations::keep).
    Reserved(u64),
    /// It was reserved by the same attempt before.
    Held,
    /// Somebody else has it.
    Taken,
}

impl Guard {
    fn shard(&self, value: u64) -> &Shard {
        &self.shards[usize::from(value.to_le_bytes()[7]) % SHARD_COUNT]
    }

    fn give_back(&self, holder: u64, value: u64) {
        let shard = self.shard(value);
        let mut holders = shard.holders.lock();
        if holders.by_value.get(&value) == Some(&holder) {
            holders.by_value.remove(&value);
        }
        let is_awaited = holders.waiting > 0;
        drop(holders);
        if is_awaited {
            shard.given_back.notify_all();
        }
    }

    /// How many values are reserved.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.holders.lock().by_value.len()).sum()
    }
}

impl Wish {
    /// Reserves the value, or waits a while for it.
    pub(super) fn fulfil(&self) -> Wished {
        let shard = self.guard.shard(self.value);
        let mut holders = shard.holders.lock();
        for waited in 0.. {
            match holders.by_value.entry(self.value) {
                Entry::Vacant(free) => {
                    free.insert(self.holder);
                    return Wished::Reserved(self.value);
                }
                Entry::Occupied(taken) if *taken.get() == self.holder => return Wished::Held,
                Entry::Occupied(_) if waited == self.wait_count => break,
                Entry::Occupied(_) => {
                    holders.waiting += 1;
                    holders = shard.given_back.wait_for(holders, WAIT);
                    holders.waiting -= 1;
                }
            }
        }
        Wished::Taken
    }

    /// Gives back the value of a wish that came true too late to be kept.
    pub(super) fn give_back(&self) {
        self.guard.give_back(self.holder, self.value);
    }
}

impl Reservations {
    pub(super) fn new(guard: &Arc<Guard>) -> Self {
        Self { guard: Arc::clone(guard), holder: None, held: Vec::new() }
    }

    /// A wish for a value that is about to be written; `None` when so much is reserved that it is
    /// no matter. It waits only when nothing is held.
    pub(super) fn wish(&mut self, key: &[u8]) -> Option<Wish> {
        let wait_count = if self.held.iter().any(Option::is_some) { 0 } else { WAIT_COUNT };
        (self.held.len() < HELD_LIMIT).then(|| Wish { wait_count, ..self.wish_at_once(key) })
    }

    /// A wish that does not wait, however much is held.
    pub(super) fn wish_at_once(&mut self, key: &[u8]) -> Wish {
        let guard = Arc::clone(&self.guard);
        let holder =
            *self.holder.get_or_insert_with(|| guard.last_holder.fetch_add(1, Ordering::Relaxed) + 1);
        Wish { guard, holder, value: KeyHash::of(key).0, wait_count: 0 }
    }

    /// Takes note of a wish that came true.
    pub(super) fn keep(&mut self, value: u64) {
        self.held.push(Some(value));
    }

    /// Whether a value is held.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.held.contains(&Some(KeyHash::of(key).0))
    }

    /// Gives a value back; says whether it was held.
    pub(super) fn release(&mut self, key: &[u8]) -> bool {
        let value = KeyHash::of(key).0;
        let Some(place) = self.held.iter().position(|held| *held == Some(value)) else { return false };
        self.held[place] = None;
        self.give_back([value]);
        true
    }

    /// How many there were, those that were given back included.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// Gives back all that came after the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        if self.held.len() > count {
            let later = self.held.split_off(count);
            self.give_back(later.into_iter().flatten());
        }
    }

    fn give_back(&self, values: impl IntoIterator<Item = u64>) {
        if let Some(holder) = self.holder {
            values.into_iter().for_each(|value| self.guard.give_back(holder, value));
        }
    }
}

impl Drop for Reservations {
    fn drop(&mut self) {
        self.truncate(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(reservations: &mut Reservations, key: &[u8]) -> Wished {
        let wished = reservations.wish_at_once(key).fulfil();
        if let Wished::Reserved(value) = wished {
            reservations.keep(value);
        }
        wished
    }

    #[test]
    fn a_value_has_one_holder_until_it_is_given_back() {
        let guard = Arc::new(Guard::default());
        let (mut one, mut other) = (Reservations::new(&guard), Reservations::new(&guard));
        assert!(matches!(reserve(&mut one, b"ann"), Wished::Reserved(_)));
        assert_eq!(reserve(&mut one, b"ann"), Wished::Held);
        assert_eq!(reserve(&mut other, b"ann"), Wished::Taken);
        assert!(one.holds(b"ann") && !other.holds(b"ann") && !other.release(b"ann"));
        assert!(one.release(b"ann") && !one.release(b"ann"));
        assert!(matches!(reserve(&mut other, b"ann"), Wished::Reserved(_)));
        assert!(matches!(reserve(&mut one, b"bob"), Wished::Reserved(_)));
        assert!(matches!(reserve(&mut one, b"cid"), Wished::Reserved(_)));
        assert_eq!(guard.count(), 3);
        // The place of what was given back still counts.
        one.truncate(2);
        assert!(one.holds(b"bob") && !one.holds(b"cid"));
        drop(one);
        assert_eq!(guard.count(), 1);
        drop(other);
        assert_eq!(guard.count(), 0);
    }

    #[test]
    fn who_waits_for_a_value_goes_on_when_it_is_given_back() {
        let guard = Arc::new(Guard::default());
        let mut first = Reservations::new(&guard);
        assert!(matches!(reserve(&mut first, b"ann"), Wished::Reserved(_)));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                // However long it takes: this is not about the limit.
                let wish = Reservations::new(&guard).wish_at_once(b"ann");
                Wish { wait_count: usize::MAX, ..wish }.fulfil()
            });
            while guard.shard(KeyHash::of(b"ann").0).holders.lock().waiting == 0 {
                std::thread::yield_now();
            }
            drop(first);
            assert!(matches!(waits.join(), Ok(Wished::Reserved(_))));
        });
    }

    #[test]
    fn a_wait_ends_and_who_holds_something_does_not_wait() {
        let guard = Arc::new(Guard::default());
        let (mut one, mut other) = (Reservations::new(&guard), Reservations::new(&guard));
        assert!(matches!(reserve(&mut one, b"ann"), Wished::Reserved(_)));
        let wish = other.wish(b"ann").expect("little is held");
        assert_eq!(wish.wait_count, WAIT_COUNT);
        assert_eq!(wish.fulfil(), Wished::Taken);
        assert!(matches!(reserve(&mut other, b"bob"), Wished::Reserved(_)));
        assert_eq!(other.wish(b"ann").expect("little is held").wait_count, 0);
    }

    #[test]
    fn a_bulk_load_does_not_reserve_everything() {
        let guard = Arc::new(Guard::default());
        let mut bulk = Reservations::new(&guard);
        for n in 0..HELD_LIMIT {
            assert!(matches!(reserve(&mut bulk, &n.to_le_bytes()), Wished::Reserved(_)));
        }
        assert!(bulk.wish(b"one more").is_none());
        assert!(matches!(reserve(&mut bulk, b"asked for"), Wished::Reserved(_)));
    }
}
