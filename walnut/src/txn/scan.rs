//! Range reads, of a state of the engine or of a transaction.

use super::overlay::{Overlay, Step};
use super::reader::EntryReader;
use super::remote::RemoteReader;
use crate::backend::{Follow, RemoteScan, RemoteSession};
use crate::base::KeyRange;
use crate::cursor::Direction;
use crate::engine::{self, EngineScan, PointReader, StoredValue};
use crate::error::Result;
use crate::sync::Arc;

/// A walk over a range of one state from its front, its back, or both until they meet.
#[expect(
    clippy::large_enum_variant,
    reason = "scans of the engine are the most frequent, and cost no allocation"
)]
pub(crate) enum EntryScan {
    /// What the engine holds at a sequence number.
    Engine(EngineScan),
    /// Any other: two variants are told apart by one comparison.
    Other(Box<OtherScan>),
}

/// A scan that is behind a pointer.
#[expect(clippy::large_enum_variant, reason = "it is boxed")]
pub(crate) enum OtherScan {
    /// A state under the writes of an attempt.
    Overlay(Overlay),
    /// What an engine elsewhere holds.
    Remote(RemoteScan),
}

/// An entry that a scan has come to, and the state that it belongs to.
pub(crate) struct Found<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: StoredValue<'s>,
    pub(crate) state: ScanState<'s>,
}

/// The state that a scan sees: two words that every entry carries, and a reader only where single
/// keys are read.
#[derive(Clone, Copy)]
pub(crate) enum ScanState<'s> {
    Engine(PointReader<'s>),
    Other(&'s OtherScan),
}

impl<'s> ScanState<'s> {
    /// Reads single keys of the state.
    pub(crate) fn reader(self) -> EntryReader<'s> {
        match self {
            Self::Engine(reader) => EntryReader::Engine(reader),
            Self::Other(scan) => scan.reader(),
        }
    }
}

impl EntryScan {
    pub(super) fn overlay(overlay: Overlay) -> Self {
        Self::Other(Box::new(OtherScan::Overlay(overlay)))
    }

    /// What an engine elsewhere holds.
    pub(crate) fn remote(scan: RemoteScan) -> Self {
        Self::Other(Box::new(OtherScan::Remote(scan)))
    }

    /// The state that the scan sees.
    pub(crate) fn state(&self) -> ScanState<'_> {
        match self {
            Self::Engine(scan) => ScanState::Engine(scan.reader()),
            Self::Other(scan) => ScanState::Other(scan),
        }
    }

    /// What neither end has given yet.
    pub(crate) fn rest(&self) -> KeyRange {
        match self {
            Self::Engine(scan) => scan.rest(),
            Self::Other(scan) => scan.rest().clone(),
        }
    }

    /// Changes what is to be walked; only before the first step.
    pub(crate) fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Engine(scan) => scan.set_range(range),
            Self::Other(scan) => scan.set_range(range),
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
            Self::Other(scan) => match &mut **scan {
                OtherScan::Overlay(_) => false,
                OtherScan::Remote(scan) => {
                    scan.seek(range);
                    true
                }
            },
        }
    }

    /// Steps over entries that need no look at each; how many they are. See
    /// [`EngineScan::pass_live`].
    pub(crate) fn pass_live(&mut self, direction: Direction) -> usize {
        match self {
            Self::Engine(scan) => scan.pass_live(direction),
            Self::Other(_) => 0,
        }
    }

    /// A scan of another range of the same state; `None` in a transaction, whose state is that of
    /// its attempt.
    pub(crate) fn another(&self, range: KeyRange) -> Option<Self> {
        match self {
            Self::Engine(scan) => Some(Self::Engine(scan.another(range))),
            Self::Other(scan) => match &**scan {
                OtherScan::Overlay(_) => None,
                OtherScan::Remote(scan) => Some(Self::remote(scan.another(range))),
            },
        }
    }

    /// Says which keys are looked up for the entries: see [`RemoteScan::set_follow`].
    pub(crate) fn set_follow(&mut self, follow: Follow) {
        if let Self::Other(scan) = self {
            match &mut **scan {
                OtherScan::Overlay(overlay) => overlay.set_follow(follow),
                OtherScan::Remote(scan) => scan.set_follow(follow),
            }
        }
    }

    /// The session that an engine elsewhere is read through.
    pub(crate) fn session(&self) -> Option<&Arc<RemoteSession>> {
        match self {
            Self::Engine(_) => None,
            Self::Other(scan) => match &**scan {
                OtherScan::Overlay(overlay) => overlay.session(),
                OtherScan::Remote(scan) => Some(scan.session()),
            },
        }
    }

    /// The next entry from the front.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Found<'_>>> {
        match self {
            Self::Engine(scan) => Ok(scan.next()?.map(Found::from)),
            Self::Other(scan) => scan.step(Direction::Forward),
        }
    }

    /// The next entry from the back.
    #[inline]
    pub(crate) fn next_back(&mut self) -> Result<Option<Found<'_>>> {
        match self {
            Self::Engine(scan) => Ok(scan.next_back()?.map(Found::from)),
            Self::Other(scan) => scan.step(Direction::Backward),
        }
    }
}

impl OtherScan {
    fn reader(&self) -> EntryReader<'_> {
        match self {
            Self::Overlay(overlay) => overlay.reader(),
            Self::Remote(scan) => EntryReader::Remote(RemoteReader::new(scan.session())),
        }
    }

    fn rest(&self) -> &KeyRange {
        match self {
            Self::Overlay(overlay) => overlay.rest(),
            Self::Remote(scan) => scan.left(),
        }
    }

    fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Overlay(overlay) => overlay.set_range(range),
            Self::Remote(scan) => scan.seek(range),
        }
    }

    #[inline(never)]
    fn step(&mut self, direction: Direction) -> Result<Option<Found<'_>>> {
        let step = match self {
            Self::Overlay(overlay) => overlay.next(direction)?,
            Self::Remote(scan) => scan.next(direction)?.map(|_| Step::Below),
        };
        let (Some(step), scan) = (step, &*self) else { return Ok(None) };
        let entry = match scan {
            Self::Overlay(overlay) => overlay.entry(direction, step),
            Self::Remote(scan) => Some(scan.current()).map(|(key, value)| (key, StoredValue::Here(value))),
        };
        Ok(entry.map(|(key, value)| Found { key, value, state: ScanState::Other(scan) }))
    }
}

impl<'s> From<engine::FoundEntry<'s>> for Found<'s> {
    fn from(found: engine::FoundEntry<'s>) -> Self {
        Self { key: found.key, value: found.value, state: ScanState::Engine(found.reader) }
    }
}
