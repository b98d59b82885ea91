//! The retry loop of transactions: at once at first, then one at a time.
//!
//! A conflict means that another commit succeeded, so the store as a whole always makes progress.
//! Two kinds of permits keep transactions from spoiling each other's attempts:
//!
//! 1. A thread that has lost an attempt is likely to lose the next ones: other threads change the
//!    same rows. So it runs some transactions in turn with other threads that have lost. This is
//!    only for commits that wait for no sync: others would not share one in turn.
//! 2. A transaction that has lost several attempts waits until it is the only such one. This keeps
//!    single transactions from starving.
//!
//! A permit is a courtesy, not a lock: after a limited wait a transaction continues without one, so
//! a transaction within a transaction, or one that waits for another thread, is slow at worst.

use std::cell::Cell;
use std::time::Duration;

use super::optimistic::Txn;
use super::running::RunningGuard;
use super::storage::Storage;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex, Ordering, thread_local};

/// Attempts before a transaction fails with a conflict. From [`FREE_ATTEMPTS`] on retries go one at
/// a time, so only a storm of new writers exhausts them.
const MAX_ATTEMPTS: u32 = 1000;

/// Lost attempts after which a transaction waits for a permit.
const FREE_ATTEMPTS: u32 = 3;

/// The longest wait for a permit in milliseconds. Half of it is random, so that waiters that
/// arrived together do not continue together.
const WAIT_LIMIT: u64 = 100;

/// Transactions that a thread runs in turn after one that it has lost.
const TURNS: u32 = 4;

/// The longest wait for a turn: some hundred small transactions.
const TURN_LIMIT: Duration = Duration::from_millis(2);

/// Wakeups after each of which a waiting transaction finds the permit taken again, at most: a
/// thread that has just passed it on is awake, and often takes it first.
const MAX_WAKEUPS: u32 = 64;

thread_local! {
    /// The transactions that this thread is still to run in turn.
    static TURNS_LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Runs `body` in a transaction, which `txn_of` finds in what `begin` returns, and commits it;
/// repeats this after a conflict.
///
/// [`Error::Conflict`] only after a thousand lost attempts, [`Error::SelfConflict`] after the first
/// that conflicted with writes of `body` itself. Every error of `body` ends the loop, and nothing
/// is written. A transaction that has requested a restart is repeated, whatever `body` made of the
/// error. A result after a statement rests on commits that are acknowledged as `durability` says.
pub(crate) fn run_with_retries<H, R, E: From<Error>>(
    storage: &Storage,
    retry_queue: &RetryQueue,
    durability: Durability,
    begin: impl Fn() -> H,
    txn_of: impl Fn(&H) -> &Txn,
    mut body: impl FnMut(&H) -> Result<R, E>,
) -> Result<R, E> {
    retry_queue.run(storage, durability, |round| {
        let handle = begin();
        let txn = txn_of(&handle);
        let running = RunningGuard::enter(txn.identity());
        let result = body(&handle);
        let nested_writes = running.leave();
        if txn.must_restart.load(Ordering::Relaxed) || txn.is_lost(round) {
            return Ok(None);
        }
        let (done, result) = match result {
            Ok(result) => (txn.commit_with_nested(&nested_writes, durability), Ok(result)),
            Err(error) => (txn.confirm(durability), Err(error)),
        };
        match (done, result) {
            (Ok(()), result) => result.map(Some),
            (Err(Error::Conflict), Ok(_)) => {
                txn.is_lost(round);
                Ok(None)
            }
            (Err(_), _) if txn.is_lost(round) => Ok(None),
            (Err(error), _) => Err(error.into()),
        }
    })
}

#[derive(Debug, Default)]
pub(crate) struct RetryQueue {
    turns: Permits,
    retries: Permits,
}

impl RetryQueue {
    /// Runs `attempt` until it returns something other than `None`, which means a conflict. An
    /// error ends the retries.
    pub(crate) fn run<R, E: From<Error>>(
        &self,
        storage: &Storage,
        durability: Durability,
        mut attempt: impl FnMut(u32) -> Result<Option<R>, E>,
    ) -> Result<R, E> {
        let takes_turns = durability == Durability::Fast && matches!(storage, Storage::Engine(_));
        let mut turn = if takes_turns { self.next_turn() } else { None };
        let mut permit = None;
        for lost in 0..MAX_ATTEMPTS {
            if takes_turns && lost == 1 && turn.is_none() {
                set_turns_left(TURNS);
                turn = self.next_turn();
            }
            if lost >= FREE_ATTEMPTS && permit.is_none() {
                let limit = WAIT_LIMIT / 2 + storage.random_below(WAIT_LIMIT / 2);
                permit = self.retries.wait(Duration::from_millis(limit));
            }
            if let Some(result) = attempt(lost)? {
                return Ok(result);
            }
        }
        Err(Error::Conflict.into())
    }

    /// A turn, if this thread is to run transactions in turn and need not wait too long.
    #[inline]
    fn next_turn(&self) -> Option<Turn<'_>> {
        let left = TURNS_LEFT.with(Cell::take);
        if left == 0 {
            None
        } else {
            self.turns.wait(TURN_LIMIT).map(|permit| Turn { _permit: permit, left: left - 1 })
        }
    }
}

fn set_turns_left(left: u32) {
    TURNS_LEFT.with(|turns| turns.set(left));
}

/// A transaction in turn. Those within it take none.
struct Turn<'q> {
    _permit: Permit<'q>,
    left: u32,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        set_turns_left(self.left);
    }
}

/// One permit, and those that wait for it.
#[derive(Debug, Default)]
struct Permits {
    state: Mutex<PermitState>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct PermitState {
    is_taken: bool,
    waiting_count: usize,
    /// Whether one of the waiting was woken, and is still on its way.
    is_waking: bool,
}

/// The permit to run next; dropping it passes it on.
struct Permit<'q> {
    permits: &'q Permits,
}

impl Permits {
    /// The permit, unless it is not passed on for as long as `limit`, or others are always faster.
    fn wait(&self, limit: Duration) -> Option<Permit<'_>> {
        let mut state = self.state.lock();
        let mut wakeups = 0;
        while state.is_taken {
            if wakeups == MAX_WAKEUPS {
                return None;
            }
            state.waiting_count += 1;
            state = self.free.wait_for(state, limit);
            state.waiting_count -= 1;
            wakeups = if std::mem::take(&mut state.is_waking) { wakeups + 1 } else { MAX_WAKEUPS };
        }
        state.is_taken = true;
        Some(Permit { permits: self })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.permits.state.lock();
        state.is_taken = false;
        let wakes = state.waiting_count > 0 && !state.is_waking;
        state.is_waking |= wakes;
        drop(state);
        if wakes {
            self.permits.free.notify_one();
        }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::sync::AtomicU32;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_permit_is_passed_on_to_all_that_wait_and_not_waited_for_too_long() {
        let permits = Permits::default();
        let permit = permits.wait(LONG).expect("it is free");
        assert!(permits.wait(Duration::from_millis(1)).is_none());
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        // One that others are always faster than goes on without it.
                        let Some(_permit) = permits.wait(LONG) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
            while permits.state.lock().waiting_count < 4 {
                std::thread::yield_now();
            }
            drop(permit);
        });
        let state = permits.state.lock();
        assert!(!state.is_taken && state.waiting_count == 0);
    }

    #[test]
    fn a_thread_that_has_lost_takes_some_turns_and_none_within_one() {
        let queue = RetryQueue::default();
        assert!(queue.next_turn().is_none(), "it has not lost");
        set_turns_left(TURNS);
        for _ in 0..TURNS {
            let turn = queue.next_turn().expect("a turn");
            assert!(queue.next_turn().is_none(), "a transaction within this one");
            drop(turn);
        }
        assert!(queue.next_turn().is_none(), "it has not lost again");
        // After a wait that was too long it takes none.
        let _held = queue.turns.wait(LONG);
        set_turns_left(TURNS);
        assert!(queue.next_turn().is_none());
        assert_eq!(TURNS_LEFT.with(Cell::get), 0);
    }
}
