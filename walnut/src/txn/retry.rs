//! The retry loop of transactions.

use super::optimistic::Txn;
use super::retry_queue::RetryQueue;
use super::running::RunningGuard;
use super::storage::Storage;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::Ordering;

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
    retry_queue.run(storage, |round| {
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
