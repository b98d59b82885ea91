//! The sequence number: the one clock of the store.

/// The place of an entry in the history of a database. Each entry of a commit has its own, consecutive in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct SeqNo(pub(crate) u64);

impl SeqNo {
    /// Before every entry that is written; the number of an entry that is ageless.
    pub(crate) const ZERO: Self = Self(0);
    /// The highest that fits beside a kind in 64 bits; reading at it sees every entry.
    pub(crate) const MAX: Self = Self((1 << 56) - 1);

    /// The number before this one, if there is one.
    pub(crate) fn before(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The number `count` places further on.
    pub(crate) fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}
