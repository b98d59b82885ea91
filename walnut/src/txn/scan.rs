//! Scans of a snapshot or a transaction.

use super::merged_scan::MergedScan;
use super::reader::EntryReader;
use super::remote::RemoteReader;
use crate::backend::{Follow, RemoteScan, RemoteSession};
use crate::base::KeyRange;
use crate::cursor::Direction;
use crate::engine::{self, EngineScan, PointReader, StoredValue};
use crate::error::Result;
use crate::sync::Arc;

/// A scan of a range of one snapshot from its front, its back, or both until they meet.
#[expect(
    clippy::large_enum_variant,
    reason = "scans of the engine are the most frequent, and cost no allocation"
)]
pub(crate) enum EntryScan {
    /// The engine at a seqno.
    Engine(EngineScan),
    /// Any other, boxed: two variants cost one comparison.
    Other(Box<OtherScan>),
}

#[expect(clippy::large_enum_variant, reason = "it is boxed")]
pub(crate) enum OtherScan {
    /// A snapshot merged with the writes of a transaction.
    Merged(MergedScan),
    /// A remote engine.
    Remote(RemoteScan),
}

/// An entry, and the snapshot that it belongs to.
pub(crate) struct Found<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: StoredValue<'s>,
    pub(crate) state: ScanState<'s>,
}

/// The snapshot of a scan: two words that every entry carries, and a reader only where single keys
/// are read.
#[derive(Clone, Copy)]
pub(crate) enum ScanState<'s> {
    Engine(PointReader<'s>),
    Other(&'s OtherScan),
}

impl<'s> ScanState<'s> {
    pub(crate) fn reader(self) -> EntryReader<'s> {
        match self {
            Self::Engine(reader) => EntryReader::Engine(reader),
            Self::Other(scan) => scan.reader(),
        }
    }
}

impl EntryScan {
    pub(super) fn merged(merged: MergedScan) -> Self {
        Self::Other(Box::new(OtherScan::Merged(merged)))
    }

    pub(crate) fn remote(scan: RemoteScan) -> Self {
        Self::Other(Box::new(OtherScan::Remote(scan)))
    }

    pub(crate) fn state(&self) -> ScanState<'_> {
        match self {
            Self::Engine(scan) => ScanState::Engine(scan.reader()),
            Self::Other(scan) => ScanState::Other(scan),
        }
    }

    /// The range between both ends.
    pub(crate) fn rest(&self) -> KeyRange {
        match self {
            Self::Engine(scan) => scan.rest(),
            Self::Other(scan) => scan.rest().clone(),
        }
    }

    /// Only before the first step.
    pub(crate) fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Engine(scan) => scan.set_range(range),
            Self::Other(scan) => scan.set_range(range),
        }
    }

    /// Continues in another range of the same snapshot, and returns true; returns false in a
    /// transaction, which tracks the ranges that it steps over.
    pub(crate) fn seek(&mut self, range: KeyRange) -> bool {
        match self {
            Self::Engine(scan) => {
                scan.seek(range);
                true
            }
            Self::Other(scan) => match &mut **scan {
                OtherScan::Merged(_) => false,
                OtherScan::Remote(scan) => {
                    scan.seek(range);
                    true
                }
            },
        }
    }

    /// Steps over a run of live entries without a look at each; returns their number. See
    /// [`EngineScan::pass_live`].
    pub(crate) fn pass_live(&mut self, direction: Direction) -> usize {
        match self {
            Self::Engine(scan) => scan.pass_live(direction),
            Self::Other(_) => 0,
        }
    }

    /// A scan of another range of the same snapshot; `None` in a transaction.
    pub(crate) fn another(&self, range: KeyRange) -> Option<Self> {
        match self {
            Self::Engine(scan) => Some(Self::Engine(scan.another(range))),
            Self::Other(scan) => match &**scan {
                OtherScan::Merged(_) => None,
                OtherScan::Remote(scan) => Some(Self::remote(scan.another(range))),
            },
        }
    }

    /// Says which keys are looked up for the entries: see [`RemoteScan::set_follow`].
    pub(crate) fn set_follow(&mut self, follow: Follow) {
        if let Self::Other(scan) = self {
            match &mut **scan {
                OtherScan::Merged(merged) => merged.set_follow(follow),
                OtherScan::Remote(scan) => scan.set_follow(follow),
            }
        }
    }

    pub(crate) fn session(&self) -> Option<&Arc<RemoteSession>> {
        match self {
            Self::Engine(_) => None,
            Self::Other(scan) => match &**scan {
                OtherScan::Merged(merged) => merged.session(),
                OtherScan::Remote(scan) => Some(scan.session()),
            },
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Found<'_>>> {
        Ok(if self.step(Direction::Forward)? { self.found(Direction::Forward) } else { None })
    }

    pub(crate) fn next_back(&mut self) -> Result<Option<Found<'_>>> {
        Ok(if self.step(Direction::Backward)? { self.found(Direction::Backward) } else { None })
    }

    /// Moves to the next entry in a direction; returns whether there is one.
    #[inline(always)]
    pub(crate) fn step(&mut self, direction: Direction) -> Result<bool> {
        match self {
            Self::Engine(scan) => scan.step(direction),
            Self::Other(scan) => scan.step(direction),
        }
    }

    /// The entry that the last step in a direction has come to: see [`EngineScan::found`].
    #[inline(always)]
    pub(crate) fn found(&self, direction: Direction) -> Option<Found<'_>> {
        match self {
            Self::Engine(scan) => scan.found(direction).map(Found::from),
            Self::Other(scan) => {
                let (key, value) = scan.entry(direction)?;
                Some(Found { key, value, state: ScanState::Other(scan) })
            }
        }
    }
}

impl OtherScan {
    fn reader(&self) -> EntryReader<'_> {
        match self {
            Self::Merged(merged) => merged.reader(),
            Self::Remote(scan) => EntryReader::Remote(RemoteReader::new(scan.session())),
        }
    }

    fn rest(&self) -> &KeyRange {
        match self {
            Self::Merged(merged) => merged.rest(),
            Self::Remote(scan) => scan.left(),
        }
    }

    fn set_range(&mut self, range: KeyRange) {
        match self {
            Self::Merged(merged) => merged.set_range(range),
            Self::Remote(scan) => scan.seek(range),
        }
    }

    #[inline(never)]
    fn step(&mut self, direction: Direction) -> Result<bool> {
        match self {
            Self::Merged(merged) => merged.next(direction),
            Self::Remote(scan) => Ok(scan.next(direction)?.is_some()),
        }
    }

    #[inline(never)]
    fn entry(&self, direction: Direction) -> Option<(&[u8], StoredValue<'_>)> {
        match self {
            Self::Merged(merged) => merged.entry(direction),
            Self::Remote(scan) => {
                let (key, value) = scan.current();
                Some((key, StoredValue::Here(value)))
            }
        }
    }
}

impl<'s> From<engine::FoundEntry<'s>> for Found<'s> {
    #[inline(always)]
    fn from(found: engine::FoundEntry<'s>) -> Self {
        Self { key: found.key, value: found.value, state: ScanState::Engine(found.reader) }
    }
}
