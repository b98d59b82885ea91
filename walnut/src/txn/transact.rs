//! The run of a closure in attempts, until one of them is committed.

use super::attempt::Attempt;
use super::lane::Lane;
use super::place::Place;
use super::running::Running;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::sync::Ordering;

/// Runs `body` in an attempt, which `attempt_of` finds in what `begin` returns, and commits it,
/// again and again while others get in its way.
///
/// [`Error::Conflict`] of the commit only after a thousand lost attempts, [`Error::SelfConflict`]
/// after the first that lost to `body` itself; every error of `body` ends it at once, and nothing
/// is written. An attempt that has given up is repeated, whatever `body` has made of the error.
/// Whatever is answered after a statement rests on commits that are acknowledged as `durability`
/// says.
pub(crate) fn transact<H, R, E: From<Error>>(
    place: &Place,
    lane: &Lane,
    durability: Durability,
    begin: impl Fn() -> H,
    attempt_of: impl Fn(&H) -> &Attempt,
    mut body: impl FnMut(&H) -> Result<R, E>,
) -> Result<R, E> {
    lane.repeat(place, |round| {
        let handle = begin();
        let attempt = attempt_of(&handle);
        let running = Running::enter(attempt);
        let result = body(&handle);
        let beside = running.leave();
        if attempt.is_late.load(Ordering::Relaxed) || attempt.is_lost(round) {
            return Ok(None);
        }
        let (done, result) = match result {
            Ok(result) => (attempt.commit_after(&beside, durability), Ok(result)),
            Err(error) => (attempt.confirm(durability), Err(error)),
        };
        match (done, result) {
            (Ok(()), result) => result.map(Some),
            (Err(Error::Conflict), Ok(_)) => {
                attempt.is_lost(round);
                Ok(None)
            }
            (Err(_), _) if attempt.is_lost(round) => Ok(None),
            (Err(error), _) => Err(error.into()),
        }
    })
}
