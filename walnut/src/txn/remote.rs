//! Reads and commits of a transaction in a session with a remote engine.

use super::read_tracker::ReadTracker;
use super::write_buffer::{Write, WriteBuffer};
use crate::backend::{self, RemoteSession, RemoteValue};
use crate::base::{KeyHash, Kind, number_in};
use crate::batch::EntryBatch;
use crate::engine::Durability;
use crate::error::Result;
use crate::sync::Arc;

#[derive(Clone, Copy)]
pub(crate) struct RemoteReader<'a> {
    session: &'a Arc<RemoteSession>,
    over: Option<(&'a WriteBuffer, &'a ReadTracker)>,
}

impl<'a> RemoteReader<'a> {
    pub(crate) fn new(session: &'a Arc<RemoteSession>) -> Self {
        Self { session, over: None }
    }

    pub(super) fn under(
        session: &'a Arc<RemoteSession>,
        writes: &'a WriteBuffer,
        reads: &'a ReadTracker,
    ) -> Self {
        Self { session, over: Some((writes, reads)) }
    }

    pub(crate) fn session(self) -> &'a Arc<RemoteSession> {
        self.session
    }

    #[cold]
    #[inline(never)]
    pub(super) fn get(self, key: &[u8]) -> Result<Option<RemoteValue>> {
        let Some((writes, reads)) = self.over else { return self.session.get(key) };
        let hash = KeyHash::of(key);
        let delta = match writes.get(key, hash) {
            Some(Write::Put(value)) => return Ok(Some(value.into())),
            Some(Write::Delete) => return Ok(None),
            Some(Write::Add(delta)) => Some(delta),
            None => None,
        };
        reads.track_key(key, hash);
        let base = self.session.get(key)?;
        Ok(match delta {
            Some(delta) => Some(sum(base.as_deref(), delta)),
            None => base,
        })
    }

    /// Reads `keys` in one round trip; later reads of them cost none.
    #[cold]
    #[inline(never)]
    pub(crate) fn prefetch(self, keys: &[&[u8]]) -> Result<()> {
        let is_below = |key: &&[u8]| {
            self.over.is_none_or(|(writes, _)| {
                !matches!(writes.get(key, KeyHash::of(key)), Some(Write::Put(_) | Write::Delete))
            })
        };
        let keys: Vec<&[u8]> = keys.iter().copied().filter(is_below).collect();
        self.session.get_many(&keys).map(drop)
    }
}

fn sum(base: Option<&[u8]>, delta: i64) -> RemoteValue {
    let base = base.and_then(number_in).unwrap_or(0);
    base.wrapping_add(delta).to_le_bytes()[..].into()
}

/// Commits a batch in a session. An add is read and written as a sum, so two clients that add to
/// one key conflict.
pub(crate) fn commit_remotely(
    session: &RemoteSession,
    batch: &EntryBatch,
    durability: Durability,
) -> Result<()> {
    let added: Vec<&[u8]> =
        batch.iter().filter(|(kind, ..)| *kind == Kind::Add).map(|(_, key, _)| key).collect();
    let before = session.get_many(&added)?;
    let mut sums: std::collections::HashMap<&[u8], Option<RemoteValue>> =
        added.into_iter().zip(before).collect();
    let mut writes = backend::Writes::new();
    for (kind, key, value) in batch.iter() {
        match kind {
            Kind::Put | Kind::Pointer => {
                writes.put(key, value);
                if let Some(known) = sums.get_mut(key) {
                    *known = Some(value.into());
                }
            }
            Kind::Delete => {
                writes.remove(key);
                if let Some(known) = sums.get_mut(key) {
                    *known = None;
                }
            }
            Kind::Add => {
                let known = sums.entry(key).or_default();
                let added = sum(known.as_deref(), number_in(value).unwrap_or(0));
                writes.put(key, &added);
                *known = Some(added);
            }
            Kind::RangeDelete => {
                writes.remove_range(key, value);
                let is_within = |added: &[u8]| key <= added && added < value;
                sums.iter_mut().filter(|(added, _)| is_within(added)).for_each(|(_, known)| *known = None);
            }
        }
    }
    session.commit(writes, durability)
}
