//! Auto-increment: the numbers of generated keys.
//!
//! ```text
//!   00000000 'g' name      -> the greatest key of a removed row, encoded; no bytes when none was removed    in the catalog
//!   00000000 'k' name      -> the first number that was never reserved, u128 little-endian: no longer written, still read
//! ```
//!
//! A number is *used* when a committed row has or had it. The greatest key of the table is looked
//! up once, and again when a number turns out to be taken. A removal is recorded in the catalog: by
//! a commit of its own, before that of the removal in the one log, so a crash that keeps the
//! removal keeps the record too. It asks for no sync. The record is written somewhat ahead, so that
//! a queue does not write it for each row.
//!
//! 1. A used number is never returned again, whatever struct wrote its row, and whatever became of
//!    the row.
//! 2. While the process lives, no number is returned twice, even when its row was refused or rolled
//!    back, until the type's last number was returned. From then on the unused numbers above all
//!    used ones are returned again, so the numbers run out only when the last one is used.
//! 3. A number whose row was never committed is a gap, or is returned again after the database was
//!    opened again.
//! 4. Dropping a table drops its sequence.

use std::time::Duration;

use super::mutate::PREFIX;
use crate::base::KeyRange;
use crate::engine::Durability;
use crate::error::{Error, Fault, Limit, Result};
use crate::sync::{AtomicBool, Mutex, OnceLock, Ordering};
use crate::table::catalog::{self, TableInfo};
use crate::table::key::{Generated, Key, KeyGenerator, KeyReader, KeyWriter};
use crate::table::schema::mapper::GeneratesKey;
use crate::table::source::store::Store;
use crate::txn::{RetryQueue, Txn, run_with_retries};

/// The most numbers by which a removal record is ahead.
const AHEAD: u128 = 255;

/// The fraction of the remaining numbers by which a removal record may be ahead, so that opening
/// again and again does not exhaust a type.
const AHEAD_PART: u128 = 256;

#[derive(Debug, Default)]
pub(in crate::table) struct KeySequence {
    /// Whether keys of this table were ever generated, so that every struct has to record the rows
    /// that it removes.
    has_generated: AtomicBool,
    /// Set once a key was generated in this process.
    keys: OnceLock<SequenceKeys>,
    /// Locked during a query of the store: another thread that needs a number needs the answer.
    state: Mutex<SequenceState>,
}

#[derive(Debug, Default)]
struct SequenceState {
    /// Whether `given` is at least every used number in the store.
    is_known: bool,
    /// The last number that was returned, or that a row brought along.
    given: u128,
    /// The encoded key up to which removals are recorded.
    noted: Vec<u8>,
}

/// Conversions between numbers and encoded keys.
#[derive(Debug)]
struct SequenceKeys {
    last: u128,
    encode: fn(u128) -> KeyWriter,
    decode: fn(&[u8]) -> Result<u128, Fault>,
}

impl KeySequence {
    pub(in crate::table) fn new(has_generated: bool) -> Self {
        Self { has_generated: AtomicBool::new(has_generated), ..Self::default() }
    }

    /// Remembers that keys of the table were generated, by any handle.
    pub(in crate::table) fn note_generated(&self) {
        self.has_generated.store(true, Ordering::Release);
    }

    pub(in crate::table) fn has_generated(&self) -> bool {
        self.has_generated.load(Ordering::Acquire)
    }

    /// The number of the next key of `T`; `is_late` says that the numbers ran out once already, for
    /// the same row.
    pub(in crate::table) fn next<T: GeneratesKey>(
        &self,
        store: &Store,
        info: &TableInfo,
        is_late: &mut bool,
    ) -> Result<u128> {
        let KeyGenerator::Sequence { last } = T::Generated::GENERATOR else {
            let (now, random) = store.moment();
            return Ok(next_uuid(&mut store.last_uuid.lock(), now, random));
        };
        self.keys.get_or_init(|| SequenceKeys { last, encode: encode::<T>, decode: decode::<T> });
        let mut state = self.state.lock();
        if !state.is_known || state.given >= last {
            let used = self.used::<T>(store, info)?;
            if state.given < last {
                state.given = state.given.max(used);
            } else if *is_late {
                return Err(Error::Limit(Limit::Counter));
            } else {
                // Numbers that were never committed are free again.
                *is_late = true;
                state.given = used;
            }
            state.is_known = true;
        }
        if state.given >= last {
            return Err(Error::Limit(Limit::Counter));
        }
        state.given += 1;
        Ok(state.given)
    }

    /// Forces a query of the store: another row has the last number.
    pub(in crate::table) fn invalidate(&self) {
        self.state.lock().is_known = false;
    }

    /// Continues above the number that a row brings along. If the row is never committed, there is
    /// a gap.
    pub(in crate::table) fn advance_past(&self, number: u128) {
        let mut state = self.state.lock();
        state.given = state.given.max(number);
    }

    /// Records that the row under an engine key is about to be removed; `number` is that of its
    /// key, if its struct knows it.
    pub(super) fn note_removal(
        &self,
        store: &Store,
        info: &TableInfo,
        key: &[u8],
        number: Option<u128>,
    ) -> Result<()> {
        if number.is_none() && !self.has_generated() {
            return Ok(());
        }
        let primary_key = &key[PREFIX..];
        let number = number.or_else(|| (self.keys.get()?.decode)(primary_key).ok());
        let mut state = self.state.lock();
        if let Some(number) = number {
            // The record may be ahead of numbers that this process has not returned yet.
            state.given = state.given.max(number);
        }
        if *state.noted >= *primary_key {
            return Ok(());
        }
        let ahead = number.and_then(|number| self.ahead_of(number)).filter(|ahead| **ahead > *primary_key);
        let note = ahead.as_deref().unwrap_or(primary_key);
        let noted = in_catalog(store, |txn| {
            // A row that was never committed has used no number.
            if !catalog::is_there(txn, info, store.dir())? || txn.get(key, |_| ())?.is_none() {
                return Ok(Vec::new());
            }
            let stored = txn.get(&catalog::removed_key(info), <[u8]>::to_vec)?.unwrap_or_default();
            if *stored >= *primary_key {
                return Ok(stored);
            }
            txn.put(&catalog::removed_key(info), note);
            Ok(note.to_vec())
        })?;
        if !noted.is_empty() {
            state.noted = noted;
        }
        Ok(())
    }

    /// The key up to which the record for a number is written.
    fn ahead_of(&self, number: u128) -> Option<Vec<u8>> {
        let SequenceKeys { last, encode, .. } = self.keys.get()?;
        let ahead = (last.saturating_sub(number) / AHEAD_PART).min(AHEAD);
        encode(number + ahead).finish().ok().map(<[u8]>::to_vec)
    }

    /// The greatest used number in the store.
    fn used<T: GeneratesKey>(&self, store: &Store, info: &TableInfo) -> Result<u128> {
        let KeyGenerator::Sequence { last } = T::Generated::GENERATOR else { return Ok(0) };
        // The row is looked up first: a later removal is recorded before it happens.
        let mut scan = store.scan_now(KeyRange::prefix(&info.rows.prefix()))?;
        let greatest = scan.next_back()?.map(|found| decode::<T>(&found.key[PREFIX..])).transpose();
        let greatest = greatest.map_err(|fault| fault.at(store.dir(), 0))?.unwrap_or(0);
        let (removed, reserved) = in_catalog(store, |txn| {
            if !catalog::is_there(txn, info, store.dir())? {
                return Err(Error::Dropped);
            }
            let removed = txn.get(&catalog::removed_key(info), <[u8]>::to_vec)?;
            // Elsewhere the first row does that: a transaction that reads the note would conflict
            // with a commit between.
            if removed.is_none() && store.client().is_none() {
                txn.put(&catalog::removed_key(info), &[]);
            }
            let reserved = txn.get(&catalog::reserved_key(info), |bytes| {
                bytes.try_into().map(u128::from_le_bytes).map_err(|_| Fault::Invalid("counter of a table"))
            })?;
            let reserved = reserved.transpose().map_err(|fault| txn.corruption(fault))?;
            Ok((removed.unwrap_or_default(), reserved.unwrap_or(0)))
        })?;
        self.note_generated();
        let removed = if removed.is_empty() { Ok(0) } else { decode::<T>(&removed) };
        let removed = removed.map_err(|fault| fault.at(store.dir(), 0))?;
        // Blocks that were reserved past the last number of a type say nothing.
        let reserved = Some(reserved.saturating_sub(1)).filter(|reserved| *reserved < last).unwrap_or(0);
        Ok(greatest.max(removed).max(reserved))
    }
}

/// Reads and writes the catalog in a commit of its own, without a sync.
fn in_catalog<R>(store: &Store, run: impl Fn(&Txn) -> Result<R>) -> Result<R> {
    let begin = || Txn::begin_statement(store.storage(), store.reservations()).internal();
    run_with_retries(store.storage(), &RetryQueue::default(), Durability::Fast, begin, |txn| txn, run)
}

fn encode<T: GeneratesKey>(number: u128) -> KeyWriter {
    let mut key = KeyWriter::new(&[]);
    T::Generated::from_number(number).encode(&mut key);
    key
}

/// The number of an encoded key; zero for a key that is never generated.
fn decode<T: GeneratesKey>(key: &[u8]) -> Result<u128, Fault> {
    let key = T::Generated::decode(&mut KeyReader::new(key))?;
    Ok(key.number().unwrap_or(0))
}

/// The next UUID of version 7, greater than all before; `last` is the one before without the bits
/// of version and variant.
///
/// ```text
///  0                 48        52             64        66               128
///  | milliseconds    | 0111    | random       | 10      | random         |
/// ```
fn next_uuid(last: &mut u128, now: Duration, random: u128) -> u128 {
    const RANDOM_BITS: u32 = 74;
    let time = now.as_millis() << RANDOM_BITS;
    let drawn = time | (random & ((1 << RANDOM_BITS) - 1));
    // Within a millisecond, and after a clock was set back, counting on keeps the order.
    *last = drawn.max(*last + 1) & ((1 << 122) - 1);
    let (upper, lower) = (*last >> 62, *last & ((1 << 62) - 1));
    let (millis, random_upper) = (upper >> 12, upper & 0xfff);
    millis << 80 | 0x7 << 76 | random_upper << 64 | 0b10 << 62 | lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_ascend_within_a_millisecond_and_over_a_clock_that_is_set_back() {
        let (mut last, mut before) = (0, 0);
        for (millis, random) in [(5, 9), (5, 3), (5, u128::MAX), (5, u128::MAX), (4, 0), (6, 0)] {
            let uuid = next_uuid(&mut last, Duration::from_millis(millis), random);
            assert!(uuid > before, "{millis} {random}");
            assert_eq!((uuid >> 76 & 0xf, uuid >> 62 & 0b11), (7, 0b10), "{uuid:032x}");
            before = uuid;
        }
        assert_eq!(before >> 80, 6, "the time stands in front");
    }
}
