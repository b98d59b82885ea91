//! Range reads, of a state of the engine or of a transaction.

use super::overlay::Overlay;
use super::reader::EntryReader;
use crate::base::KeyRange;
use crate::cursor::Direction;
use crate::engine::{self, EngineScan, StoredValue};
use crate::error::Result;

/// A walk over a range of one state from its front, its back, or both until they meet.
#[expect(
    clippy::large_enum_variant,
    reason = "scans of the engine are the most frequent, and cost no allocation"
)]
pub(crate) enum EntryScan {
    /// What the engine holds at a sequence number.
    Engine(EngineScan),
    /// The same under the writes of an attempt.
    Overlay(Box<Overlay>),
}

/// An entry that a scan has come to, and a reader of the state that it belongs to.
pub(crate) struct Found<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: StoredValue<'s>,
    pub(crate) reader: EntryReader<'s>,
}

impl EntryScan {
    /// Reads single keys of the state that the scan sees.
    pub(crate) fn reader(&self) -> EntryReader<'_> {
        match self {
            Self::Engine(scan) => EntryReader::Engine(scan.reader()),
            Self::Overlay(overlay) => overlay.reader(),
        }
    }

    /// What neither end has given yet.
    pub(crate) fn rest(&self) -> KeyRange {
        match self {
            Self::Engine(scan) => scan.rest(),
            Self::Overlay(overlay) => overlay.rest().clone(),
        }
    }

    /// Changes what is to be walked; only before the first step.
    pub(crate) fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Engine(scan) => scan.set_range(range),
            Self::Overlay(overlay) => overlay.set_range(range),
        }
    }

    /// Continues in another range of the same state, and returns true; false in a transaction,
    /// which notes the ranges that it has read as it steps.
    pub(crate) fn seek(&mut self, range: KeyRange) -> bool {
        match self {
            Self::Engine(scan) => {
                scan.seek(range);
                true
            }
            Self::Overlay(_) => false,
        }
    }

    /// Steps over entries that need no look at each; how many they are. See
    /// [`EngineScan::pass_live`].
    pub(crate) fn pass_live(&mut self, direction: Direction) -> usize {
        match self {
            Self::Engine(scan) => scan.pass_live(direction),
            Self::Overlay(_) => 0,
        }
    }

    /// The next entry from the front.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Found<'_>>> {
        match self {
            Self::Engine(scan) => Ok(scan.next()?.map(Found::from)),
            Self::Overlay(overlay) => overlay.next(Direction::Forward),
        }
    }

    /// The next entry from the back.
    #[inline]
    pub(crate) fn next_back(&mut self) -> Result<Option<Found<'_>>> {
        match self {
            Self::Engine(scan) => Ok(scan.next_back()?.map(Found::from)),
            Self::Overlay(overlay) => overlay.next(Direction::Backward),
        }
    }
}

impl<'s> From<engine::FoundEntry<'s>> for Found<'s> {
    fn from(found: engine::FoundEntry<'s>) -> Self {
        Self { key: found.key, value: found.value, reader: EntryReader::Engine(found.reader) }
    }
}
