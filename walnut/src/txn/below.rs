//! The state that an overlay scan lies on: that of the engine, or of one elsewhere.

use super::notes::Notes;
use super::reader::EntryReader;
use super::remote::RemoteReader;
use super::writes::Writes;
use crate::backend::{Follow, RemoteScan, RemoteSession};
use crate::base::{KeyRange, Kind};
use crate::cursor::Direction;
use crate::engine::{EngineScan, StoredValue};
use crate::error::Result;
use crate::sync::Arc;

/// A walk over a pinned state.
#[expect(clippy::large_enum_variant, reason = "an overlay scan is boxed")]
pub(super) enum Below {
    Engine(EngineScan),
    Remote(RemoteScan),
}

impl Below {
    pub(super) fn reader<'s>(&'s self, writes: &'s Writes, notes: &'s Notes) -> EntryReader<'s> {
        match self {
            Self::Engine(scan) => EntryReader::Overlay { below: scan.reader(), writes, notes },
            Self::Remote(scan) => EntryReader::Remote(RemoteReader::under(scan.session(), writes, notes)),
        }
    }

    pub(super) fn set_follow(&mut self, follow: Follow) {
        if let Self::Remote(scan) = self {
            scan.set_follow(follow);
        }
    }

    pub(super) fn session(&self) -> Option<&Arc<RemoteSession>> {
        match self {
            Self::Engine(_) => None,
            Self::Remote(scan) => Some(scan.session()),
        }
    }

    pub(super) fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Engine(scan) => scan.set_range(range),
            Self::Remote(scan) => scan.seek(range),
        }
    }

    /// The value of an entry that this walk has passed: see [`StoredValue::stored`].
    pub(super) fn value<'s>(&'s self, key: &'s [u8], stored: (Kind, &'s [u8])) -> StoredValue<'s> {
        match self {
            Self::Engine(scan) => scan.value(key, stored),
            Self::Remote(_) => StoredValue::Here(stored.1),
        }
    }

    /// Steps, and copies the entry into `key` and `stored`; returns its kind, or `None` at the end.
    pub(super) fn step(
        &mut self,
        direction: Direction,
        key: &mut Vec<u8>,
        stored: &mut Vec<u8>,
    ) -> Result<Option<Kind>> {
        let found = match self {
            Self::Engine(scan) => {
                let found = match direction {
                    Direction::Forward => scan.next()?,
                    Direction::Backward => scan.next_back()?,
                };
                found.map(|found| {
                    found.key.clone_into(key);
                    found.value.stored()
                })
            }
            Self::Remote(scan) => scan.next(direction)?.map(|(found, value)| {
                found.clone_into(key);
                (Kind::Put, value)
            }),
        };
        Ok(found.map(|(kind, bytes)| {
            bytes.clone_into(stored);
            kind
        }))
    }
}
