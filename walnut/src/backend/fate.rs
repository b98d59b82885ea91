//! The fate of a commit whose reply was lost, found out from its slot.
//!
//! ```text
//!   the slot has    n - 1, or nothing   n         more than n
//!   commit n has    not happened yet    happened  never happened, and never will
//! ```
//!
//! Commit `n` was built on a state whose slot had less than `n`. A commit that is still on its way
//! conflicts once the slot was written by another one, because a commit conflicts when a key that
//! it writes has changed. So a slot that has less than `n` is given `n + 1`: when that has
//! succeeded, commit `n` can no longer happen. It rests on this rule of the contract alone.

use super::client::{Client, CommitSlot};
use super::gone::slot_number;
use super::{Failure, Mode, Writes};
use crate::engine::Durability;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CommitFate {
    Happened,
    /// It will not happen any more.
    Fenced,
}

impl Client {
    /// Finds out the fate of the commit after the last one of `slot`, whose reply was lost, and
    /// moves the slot on. `None` if the engine cannot be asked for as long as this client is
    /// patient: the slot is of no more use then.
    ///
    /// Cost: one read, and one commit if it has not happened.
    pub(super) fn find_out(&self, slot: &mut CommitSlot, durability: Durability) -> Option<CommitFate> {
        let (lost, deadline) = (slot.last + 1, self.deadline());
        for round in 0.. {
            if let Ok((reached, fate)) = self.look_at_slot(slot, lost, durability) {
                slot.last = reached;
                self.answered();
                return Some(fate);
            }
            if std::time::Instant::now() > deadline {
                return None;
            }
            self.pause(round);
        }
        None
    }

    fn look_at_slot(
        &self,
        slot: &CommitSlot,
        lost: u64,
        durability: Durability,
    ) -> Result<(u64, CommitFate), Failure> {
        let key = self.slot_key(slot);
        let mut session = self.engine().begin(Mode::Write)?;
        let found = session.get_many(&[&key])?.into_iter().next().flatten();
        let stored = found.map_or(Some(0), |slot| slot_number(&slot));
        let stored = stored.ok_or_else(|| Failure::Other("a slot has a number that is none".to_owned()))?;
        if stored == lost {
            return Ok((stored, CommitFate::Happened));
        }
        if stored > lost {
            return Ok((stored, CommitFate::Fenced));
        }
        let mut fence = Writes::new();
        fence.put(&key, &(lost + 1).to_le_bytes());
        // A fence that fails, or whose own reply is lost, is found out by the next look.
        session.commit(&fence, durability)?;
        Ok((lost + 1, CommitFate::Fenced))
    }
}
