//! The sequence number: the logical clock of the database.

/// The sequence number of an entry. The entries of a commit have consecutive ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct SeqNo(pub(crate) u64);

impl SeqNo {
    /// Before every commit. Compaction zeroes the sequence number of an entry that every snapshot
    /// sees.
    pub(crate) const ZERO: Self = Self(0);
    /// The highest that fits beside a kind in 64 bits; a reader at it sees every entry.
    pub(crate) const MAX: Self = Self((1 << 56) - 1);

    pub(crate) fn before(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    pub(crate) fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}
