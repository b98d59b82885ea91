//! Numbers with a type, so that a file is never mistaken for a keyspace.

use std::fmt;

use crate::error::{Error, Limit, Result};

/// The number in a file's name. Given once, never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct FileNumber(pub(crate) u64);

impl FileNumber {
    /// The highest that is ever given; a higher one in a file is damage.
    pub(crate) const MAX: Self = Self((1 << 56) - 1);

    /// The number that is written in this way in the name of a file; `None` for everything else.
    pub(crate) fn from_name(digits: &str) -> Option<Self> {
        let number = Self(digits.parse().ok()?);
        (number <= Self::MAX && number.to_string() == digits).then_some(number)
    }

    /// The number after this one; an error when this is the last, to which only damage leads.
    pub(crate) fn next(self) -> Result<Self> {
        if self < Self::MAX { Ok(Self(self.0 + 1)) } else { Err(Error::Limit(Limit::FileNumbers)) }
    }
}

impl fmt::Display for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// The number in front of every key of one table or one index. Given once, never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct KeyspaceId(pub(crate) u32);

impl KeyspaceId {
    /// The keyspace of the catalog: which tables and indexes there are.
    pub(crate) const CATALOG: Self = Self(0);

    /// A keyspace in which nothing is ever written: that of a table which a state does not have.
    pub(crate) const EMPTY: Self = Self(15);

    /// The bytes that every key of this keyspace begins with; they sort as the numbers do.
    pub(crate) const fn prefix(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}
