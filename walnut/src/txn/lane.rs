//! How attempts are repeated: freely at first, then in turns.
//!
//! Every lost attempt means that another commit succeeded, so the store as a whole always gets on;
//! the lane sees to it that no single transaction is left behind. It is a courtesy, not a lock: who
//! waited long goes on without a turn, so a transaction within a transaction, or one that waits for
//! another thread, is slow at worst.

use std::time::Duration;

use super::place::Place;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex};

/// Attempts before a transaction gives up. From [`PATIENCE`] on those who lost take turns, so this
/// many are lost only under a storm of new writers.
const MAX_ATTEMPTS: u32 = 1000;

/// Lost attempts after which a transaction waits for its turn.
const PATIENCE: u32 = 3;

/// The most milliseconds that somebody waits for a turn before each attempt; half of it is drawn by
/// lot, so that those who came together do not go on together.
const WAIT_LIMIT: u64 = 100;

/// Where those who lost often take turns.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The right to go next; dropping it passes it on.
struct Turn<'l> {
    lane: &'l Lane,
}

impl Lane {
    /// Runs `attempt` until it gives something, which is to say that it did not lose. An error ends
    /// it at once.
    pub(crate) fn repeat<R, E: From<Error>>(
        &self,
        place: &Place,
        mut attempt: impl FnMut(u32) -> Result<Option<R>, E>,
    ) -> Result<R, E> {
        let mut turn = None;
        for lost in 0..MAX_ATTEMPTS {
            if lost >= PATIENCE && turn.is_none() {
                turn = self.wait(place);
            }
            if let Some(result) = attempt(lost)? {
                return Ok(result);
            }
        }
        Err(Error::Conflict.into())
    }

    /// A turn, unless it takes too long.
    fn wait(&self, place: &Place) -> Option<Turn<'_>> {
        let mut taken = self.taken.lock();
        if *taken {
            let limit = WAIT_LIMIT / 2 + place.random_below(WAIT_LIMIT / 2);
            taken = self.free.wait_for(taken, Duration::from_millis(limit));
        }
        if *taken {
            return None;
        }
        *taken = true;
        Some(Turn { lane: self })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.lane.taken.lock() = false;
        self.lane.free.notify_one();
    }
}
