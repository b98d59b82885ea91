//! Levels.

pub(crate) const LEVEL_COUNT: usize = 7;

/// A level by its index: 0, into which memtables are flushed, to the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Level(u8);

impl Level {
    /// The level into which memtables are flushed.
    pub(crate) const ZERO: Self = Self(0);
    /// The bottommost level.
    pub(crate) const LAST: Self = Self(6);

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        (usize::from(code) < LEVEL_COUNT).then_some(Self(code))
    }

    /// The code on disk.
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=Self::LAST.0).map(Self)
    }

    /// The levels below this one, from the next to the last.
    pub(crate) fn deeper(self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0 + 1..=Self::LAST.0).map(Self)
    }
}

const _: () = assert!(Level::LAST.0 as usize + 1 == LEVEL_COUNT);
