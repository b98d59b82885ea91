//! Typed numbers, so that a file number is never mistaken for a keyspace id or a sequence number.

use std::fmt;

use crate::error::{Error, Limit, Result};

/// The number in a file's name. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct FileNumber(pub(crate) u64);

impl FileNumber {
    /// The highest file number; a higher one in a file is corruption.
    pub(crate) const MAX: Self = Self((1 << 56) - 1);

    /// The number whose canonical form in a file name is `digits`.
    pub(crate) fn from_name(digits: &str) -> Option<Self> {
        let number = Self(digits.parse().ok()?);
        (number <= Self::MAX && number.to_string() == digits).then_some(number)
    }

    /// The next number. Fails at the last one, which only a damaged manifest reaches.
    pub(crate) fn next(self) -> Result<Self> {
        if self < Self::MAX { Ok(Self(self.0 + 1)) } else { Err(Error::Limit(Limit::FileNumbers)) }
    }
}

impl fmt::Display for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// The id that prefixes every key of one table or one index. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct KeyspaceId(pub(crate) u32);

impl KeyspaceId {
    /// The catalog: which tables and indexes there are.
    pub(crate) const CATALOG: Self = Self(0);

    /// The row counts of tables. They have a keyspace of their own because nearly every SST has
    /// some: in the catalog, each look into it would search all these.
    pub(crate) const ROW_COUNTS: Self = Self(1);

    /// A keyspace that is always empty: the one of a table that does not exist in a snapshot.
    pub(crate) const EMPTY: Self = Self(15);

    /// The bytes that every key of this keyspace begins with; they sort in the order of the ids.
    pub(crate) const fn prefix(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// The sequence number of an entry: the logical clock of the database. The entries of a commit have
/// consecutive ones.
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
