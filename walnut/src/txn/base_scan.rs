//! The snapshot below a merged scan, of the engine or of a remote one.

use super::read_tracker::ReadTracker;
use super::reader::EntryReader;
use super::remote::RemoteReader;
use super::write_buffer::WriteBuffer;
use crate::backend::{Follow, RemoteScan, RemoteSession};
use crate::base::{KeyRange, Kind};
use crate::cursor::Direction;
use crate::engine::{EngineScan, StoredValue};
use crate::error::Result;
use crate::sync::Arc;

#[expect(clippy::large_enum_variant, reason = "a merged scan is boxed")]
pub(super) enum BaseScan {
    Engine(EngineScan),
    Remote(RemoteScan),
}

impl BaseScan {
    pub(super) fn reader<'s>(&'s self, writes: &'s WriteBuffer, reads: &'s ReadTracker) -> EntryReader<'s> {
        match self {
            Self::Engine(scan) => EntryReader::Merged { base: scan.reader(), writes: Some(writes), reads },
            Self::Remote(scan) => EntryReader::Remote(RemoteReader::under(scan.session(), writes, reads)),
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

    /// The value of an entry that this scan has passed: see [`StoredValue::stored`].
    pub(super) fn value<'s>(&'s self, key: &'s [u8], stored: (Kind, &'s [u8])) -> StoredValue<'s> {
        match self {
            Self::Engine(scan) => scan.value(key, stored),
            Self::Remote(_) => StoredValue::Here(stored.1),
        }
    }

    /// Steps and copies the entry into `key` and `stored`; returns its kind, or `None` at the end.
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
