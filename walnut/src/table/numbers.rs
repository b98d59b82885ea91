//! The numbers that generated keys are made of.
//!
//! ```text
//!   00000000 'k' name      -> the first number that was never reserved, u128 little-endian      in the catalog
//! ```
//!
//! Counted keys are reserved in blocks: a commit of its own moves the stored number on, and the block is then given out from
//! memory. The commit asks for no sync. It stands in the log before every row that got a key of its block, so a crash that
//! leaves the row leaves the reservation too.
//!
//! 1. A number that is given out was reserved before, and no number is reserved twice.
//! 2. A key that is brought along by its row counts as given out before the row is written: the counter goes on above it.
//!    That holds for good, also when the row is removed or its transaction is rolled back.
//! 3. What is left of a block when the database is closed is never given out: there are gaps.

use std::time::Duration;

use super::key::{Generated, Way};
use super::mapper::{GeneratesKey, Table};
use super::row;
use super::store::Store;
use crate::base::{KeyRange, KeyspaceId};
use crate::engine::Durability;
use crate::error::{Error, Fault, Limit, Result};
use crate::sync::Mutex;
use crate::txn::{Attempt, Lane, transact};

/// How many numbers are reserved at once.
const BLOCK: u128 = 256;

/// The first number.
const FIRST: u128 = 1;

/// What generates the keys of one table.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Held while a block is reserved: who needs a number meanwhile needs that block.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The numbers from here to `end` are reserved and not given out. At first there are none.
    next: u128,
    end: u128,
    /// The last UUID that was given out, without what says which kind of UUID it is.
    last_uuid: u128,
}

impl Numbers {
    /// The number of the next key of `T`.
    pub(super) fn next<T: GeneratesKey>(&self, store: &Store, rows: KeyspaceId) -> Result<u128> {
        let mut state = self.state.lock();
        match T::Generated::WAY {
            Way::Timed => {
                let (now, random) = store.engine.core().moment();
                Ok(state.next_uuid(now, random))
            }
            Way::Counted { last } => {
                if state.next == state.end {
                    state.reserve::<T>(store, rows, FIRST)?;
                }
                if state.next > last || state.next == state.end {
                    return Err(Error::Limit(Limit::Counter));
                }
                state.next += 1;
                Ok(state.next - 1)
            }
        }
    }

    /// Sees to it that all numbers up to `number` count as given out.
    pub(super) fn keep_above<T: Table>(&self, store: &Store, rows: KeyspaceId, number: u128) -> Result<()> {
        let mut state = self.state.lock();
        let next = number.saturating_add(1);
        if state.end == 0 || next > state.end {
            state.reserve::<T>(store, rows, next.max(FIRST))?;
        }
        state.next = state.next.max(next).min(state.end);
        Ok(())
    }
}

impl State {
    /// Reserves a block that begins at `least` or above, above all rows when nothing was ever reserved.
    fn reserve<T: Table>(&mut self, store: &Store, rows: KeyspaceId, least: u128) -> Result<()> {
        let key = [&KeyspaceId::CATALOG.prefix(), b"k".as_slice(), T::SCHEMA.name.as_bytes()].concat();
        let core = store.engine.core();
        let lane = Lane::default();
        let begin = || Attempt::begin_statement(core, store.guard());
        let (next, end) = transact(core, &lane, Durability::Fast, begin, |attempt| {
            let reserved = || {
                let stored = attempt.get(&key, |bytes| bytes.try_into().map(u128::from_le_bytes))?;
                let unused = match stored {
                    Some(Ok(unused)) => unused,
                    Some(Err(_)) => return Err(attempt.corruption(Fault::Invalid("counter of a table"))),
                    None => after_the_last_row::<T>(store, rows)?,
                };
                let next = unused.max(least);
                let end = next.saturating_add(BLOCK);
                attempt.put(&key, &end.to_le_bytes());
                Ok((next, end))
            };
            let reserved = reserved();
            (attempt, reserved)
        })?;
        (self.next, self.end) = (next, end);
        Ok(())
    }

    /// The number of a UUID of version 7 that is greater than the ones before.
    ///
    /// ```text
    ///  0                 48        52             64        66               128
    ///  | milliseconds    | 0111    | random       | 10      | random         |
    /// ```
    fn next_uuid(&mut self, now: Duration, random: u128) -> u128 {
        const RANDOM_BITS: u32 = 74;
        let time = now.as_millis() << RANDOM_BITS;
        let drawn = time | (random & ((1 << RANDOM_BITS) - 1));
        // Within a millisecond, and after a clock was set back, the order is kept by counting on.
        self.last_uuid = drawn.max(self.last_uuid + 1) & ((1 << 122) - 1);
        let (upper, lower) = (self.last_uuid >> 62, self.last_uuid & ((1 << 62) - 1));
        let (millis, random_upper) = (upper >> 12, upper & 0xfff);
        millis << 80 | 0x7 << 76 | random_upper << 64 | 0b10 << 62 | lower
    }
}

/// The number after the last row's; the first one of a table without rows.
fn after_the_last_row<T: Table>(store: &Store, rows: KeyspaceId) -> Result<u128> {
    let mut scan = store.engine.scan(KeyRange::prefix(&rows.prefix()))?;
    let last = scan.next_back()?.map(|found| found.value.load().map(|value| row::open::<T>(&value)));
    match last.transpose()? {
        None => Ok(FIRST),
        Some(Ok(row)) => Ok(row.counted_key().map_or(FIRST, |number| number.saturating_add(1).max(FIRST))),
        Some(Err(fault)) => Err(scan.corruption(fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_ascend_within_a_millisecond_and_over_a_clock_that_is_set_back() {
        let mut state = State::default();
        let mut before = 0;
        for (millis, random) in [(5, 9), (5, 3), (5, u128::MAX), (5, u128::MAX), (4, 0), (6, 0)] {
            let uuid = state.next_uuid(Duration::from_millis(millis), random);
            assert!(uuid > before, "{millis} {random}");
            assert_eq!((uuid >> 76 & 0xf, uuid >> 62 & 0b11), (7, 0b10), "{uuid:032x}");
            before = uuid;
        }
        assert_eq!(before >> 80, 6, "the time stands in front");
    }
}
