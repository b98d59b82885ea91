//! Slots of clients that are gone: marked, and removed a day later.
//!
//! Each process that opens a database is a client, and leaves the rows of its slots when it ends or
//! is killed. A client that opens a database which has many of them looks at some.
//!
//! ```text
//!   the number, u64 little-endian                    a slot
//!   the number, then seconds since the Unix epoch    one that was marked then
//! ```
//!
//! 1. A mark keeps the number, so a commit of the slot is found out as before, and its next commit
//!    writes a slot without a mark.
//! 2. A slot is removed only if it was marked for [`MARKED_FOR`]: longer than any client waits for
//!    the fate of a commit. A clock that is wrong, but goes, removes nothing too early.

use std::time::Duration;

use super::client::{Client, SLOT};
use super::{Failure, Mode, Writes};
use crate::base::{KeyspaceId, successor};
use crate::engine::Durability;

/// The slots that are looked at, and of which there have to be as many behind a random place.
const LOOKED_AT: usize = 32;

/// How long a slot has a mark before it is removed.
const MARKED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn slot_number(slot: &[u8]) -> Option<u64> {
    marked(slot).map(|(number, _)| number)
}

/// The number of a slot, and when it was marked.
fn marked(slot: &[u8]) -> Option<(u64, Option<Duration>)> {
    let (number, mark) = slot.split_first_chunk()?;
    let mark = match mark {
        [] => None,
        mark => Some(Duration::from_secs(u64::from_le_bytes(mark.try_into().ok()?))),
    };
    Some((u64::from_le_bytes(*number), mark))
}

impl Client {
    /// Marks or removes slots of clients that may be gone, if there are many. Failures are left to
    /// the next client.
    ///
    /// Cost: one read; a small commit if there are many.
    pub(crate) fn sweep_slots(&self) {
        let (now, random) = self.moment();
        let from = random.to_le_bytes();
        // A client whose slot is written meanwhile is not gone, and this commit conflicts.
        let _ = self.sweep_slots_from(&from[..8], now);
    }

    fn sweep_slots_from(&self, client: &[u8], now: Duration) -> Result<(), Failure> {
        let prefix = [&KeyspaceId::CATALOG.prefix()[..], &[SLOT]].concat();
        let start = [&prefix, client].concat();
        let end = successor(&prefix);
        // A session that may write costs more, and meets the commits of others.
        let mut session = self.engine().begin(Mode::One)?;
        if session.scan(&start, end.as_deref(), LOOKED_AT, false)?.entries.len() < LOOKED_AT {
            return Ok(());
        }
        let mut session = self.engine().begin(Mode::Write)?;
        let page = session.scan(&start, end.as_deref(), LOOKED_AT, false)?;
        let mut writes = Writes::new();
        for (key, slot) in page.entries {
            match marked(&slot) {
                Some((number, None)) => {
                    writes.put(&key, &[number.to_le_bytes(), now.as_secs().to_le_bytes()].concat());
                }
                Some((_, Some(since))) if now.checked_sub(since).is_some_and(|age| age > MARKED_FOR) => {
                    writes.remove(&key);
                }
                _ => {}
            }
        }
        if writes.is_empty() { Ok(()) } else { session.commit(&writes, Durability::Fast) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::{Engine, Memory};
    use super::*;

    fn client(engine: &Memory) -> Client {
        Client::new(engine.clone(), Duration::from_millis(1)).unwrap()
    }

    fn slots(engine: &Memory) -> Vec<Vec<u8>> {
        let prefix = [&KeyspaceId::CATALOG.prefix()[..], &[SLOT]].concat();
        let mut session = engine.begin(Mode::Read).unwrap();
        let page = session.scan(&prefix, successor(&prefix).as_deref(), 1000, false).unwrap();
        page.entries.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Commits with a slot of its own for each client.
    fn leave(engine: &Memory, count: usize) {
        for _ in 0..count {
            let client = client(engine);
            let slot = client.take_slot();
            let mut session = engine.begin(Mode::Write).unwrap();
            session.pin().unwrap();
            let mut writes = Writes::new();
            writes.put(&client.slot_key(&slot), &1u64.to_le_bytes());
            session.commit(&writes, Durability::Safe).unwrap();
        }
    }

    #[test]
    fn slots_of_clients_that_are_gone_are_removed_a_day_after_they_were_marked() {
        let engine = Memory::new();
        let day = MARKED_FOR + Duration::from_secs(1);
        let sweep = |now| client(&engine).sweep_slots_from(&[], now).unwrap();
        leave(&engine, LOOKED_AT - 1);
        sweep(day);
        assert!(slots(&engine).iter().all(|slot| slot.len() == 8), "few slots are left alone");
        leave(&engine, 3);
        sweep(day);
        assert_eq!(slots(&engine).iter().filter(|slot| slot.len() == 16).count(), LOOKED_AT);
        assert!(slots(&engine).iter().all(|slot| slot_number(slot) == Some(1)));
        sweep(day + MARKED_FOR);
        // A clock that is behind.
        sweep(Duration::ZERO);
        assert_eq!(slots(&engine).len(), LOOKED_AT + 2);
        sweep(2 * day);
        assert_eq!(slots(&engine).len(), 2);
    }

    #[test]
    fn a_marked_slot_still_tells_the_fate_of_its_commit() {
        for happened in [true, false] {
            let engine = Memory::new();
            leave(&engine, LOOKED_AT);
            let client = client(&engine);
            let mut slot = client.take_slot();
            let mut session = engine.begin(Mode::Write).unwrap();
            session.pin().unwrap();
            engine.lose_next_reply(happened);
            let mut writes = Writes::new();
            writes.put(&client.slot_key(&slot), &1u64.to_le_bytes());
            assert!(matches!(session.commit(&writes, Durability::Safe), Err(Failure::CommitUnknown(_))));
            client.sweep_slots_from(&[], Duration::from_secs(5)).unwrap();
            client.sweep_slots_from(&[9], Duration::from_secs(5)).unwrap();
            let fate = client.find_out(&mut slot, Durability::Safe);
            assert_eq!(fate == Some(super::super::fate::CommitFate::Happened), happened);
        }
    }

    #[test]
    fn any_bytes_are_a_slot_or_none() {
        assert_eq!(marked(&[]), None);
        assert_eq!(marked(&[1; 7]), None);
        assert_eq!(marked(&[0; 9]), None);
        assert_eq!(slot_number(&[0; 17]), None);
    }
}
