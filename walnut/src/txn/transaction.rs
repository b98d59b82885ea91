//! An optimistic transaction: it reads a pinned state and its own writes, notes what it read, and its commit succeeds
//! only if none of that was changed meanwhile.
//!
//! It reads at the engine's `applied` number, which may be ahead of what is durable: its own record comes later in
//! the same log, so it can never be durable without what it was built on.

use std::collections::BTreeMap;

use crate::batch::WriteBatch;
use crate::engine::{Durability, Engine, Reads};
use crate::error::{Error, Fault, Result};
use crate::mvcc::Pin;
use crate::sync::Mutex;

/// Attempts of one statement before it gives up. Every lost attempt means that another commit succeeded, and from
/// [`PATIENCE`] on those who lost go one after the other, so this many are lost only under a storm of new writers.
const MAX_ATTEMPTS: usize = 1000;

/// Lost attempts after which a statement goes into the lane of those who take turns.
const PATIENCE: usize = 3;

/// One attempt to change the store.
#[derive(Debug)]
pub(crate) struct Transaction<'e> {
    engine: &'e Engine,
    pin: Pin,
    reads: Vec<Vec<u8>>,
    /// By key: the new value, or `None` for a removal.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Runs `statement` in a transaction and commits it, again and again while others get in its way.
///
/// [`Error::Conflict`] only after a thousand lost attempts; every other error of the statement ends it at once, and
/// nothing is written.
pub(crate) fn transact<R>(
    engine: &Engine,
    lane: &Mutex<()>,
    durability: Durability,
    mut statement: impl FnMut(&mut Transaction<'_>) -> Result<R>,
) -> Result<R> {
    let mut turn = None;
    for attempt in 0..MAX_ATTEMPTS {
        if attempt == PATIENCE {
            turn = Some(lane.lock());
        }
        let mut transaction = Transaction::begin(engine);
        let result = match statement(&mut transaction) {
            Ok(result) => result,
            Err(error) => {
                engine.confirm(durability)?;
                return Err(error);
            }
        };
        match transaction.commit(durability) {
            Ok(()) => return Ok(result),
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    drop(turn);
    Err(Error::Conflict)
}

impl<'e> Transaction<'e> {
    /// A transaction that sees everything that is in the log now.
    pub(crate) fn begin(engine: &'e Engine) -> Self {
        Self { engine, pin: engine.pin_applied(), reads: Vec::new(), writes: BTreeMap::new() }
    }

    /// Gives the value of `key` to `found`, and notes that it was read; `None` when there is none.
    pub(crate) fn get<R>(&mut self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        if let Some(written) = self.writes.get(key) {
            return Ok(written.as_deref().map(found));
        }
        self.reads.push(key.to_vec());
        self.engine.read_at(self.pin.at(), |reader| reader.get(key, &mut found))
    }

    /// The error for stored bytes that make no sense.
    pub(crate) fn corruption(&self, fault: Fault) -> Error {
        fault.at(self.engine.dir(), 0)
    }

    /// Sets the value of `key`.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
    }

    /// Removes `key`.
    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.writes.insert(key.to_vec(), None);
    }

    /// Makes the writes part of history if nothing that was read has changed: [`Error::Conflict`] otherwise.
    ///
    /// Without writes there is nothing to do: all reads were of one state.
    fn commit(self, durability: Durability) -> Result<()> {
        let mut batch = WriteBatch::new();
        for (key, value) in &self.writes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        let reads = Reads { at: self.pin.at(), keys: self.reads };
        self.engine.commit(reads, batch, durability)
    }
}
