//! The layout of the entries of a scan: where the keys are in their bytes, and the errors of those
//! that cannot be decoded.

use crate::error::{Error, Fault, FindingKind};
use crate::table::catalog::TableInfo;
use crate::table::key::{Key, KeyReader};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Rows,
    /// The ordinal of an index in the schema.
    Index(usize),
}

#[derive(Clone, Copy)]
pub(super) struct EntryLayout {
    pub(super) target: Target,
    /// The keyspace's id in front of every key.
    pub(super) prefix: [u8; 4],
    /// Whether entries may have the primary key as their value.
    unique: bool,
    /// Skips the index key in front of the primary key.
    skip_key: fn(&mut KeyReader<'_>) -> Result<(), Fault>,
    /// The size of the index key, if the scan has a single one.
    key_size: Option<usize>,
}

impl EntryLayout {
    pub(super) fn new<K: Key>(info: &TableInfo, target: Target) -> Self {
        let (keyspace, unique) = match target {
            Target::Rows => (info.rows, false),
            Target::Index(index) => (info.indexes[index].keyspace, info.schema.indexes[index].unique),
        };
        Self { target, prefix: keyspace.prefix(), unique, skip_key: K::skip, key_size: None }
    }

    /// All entries have one index key; with the prefix it has this size.
    pub(super) fn fix_key(&mut self, size: usize) {
        self.key_size = size.checked_sub(self.prefix.len());
    }

    /// Whether the primary key may be the value of an entry.
    #[inline]
    pub(super) fn needs_value(&self) -> bool {
        matches!(self.target, Target::Index(_)) && self.unique
    }

    /// The primary key of an entry, from its key without the prefix, and its value if that is
    /// needed.
    #[inline]
    pub(super) fn primary_key<'e>(&self, key: &'e [u8], value: &'e [u8]) -> Result<&'e [u8], Fault> {
        match self.target {
            Target::Rows => Ok(key),
            Target::Index(_) if self.unique && !value.is_empty() => Ok(value),
            Target::Index(_) => {
                if let Some(primary_key) = self.key_size.and_then(|size| key.get(size..)) {
                    return Ok(primary_key);
                }
                let mut reader = KeyReader::new(key);
                (self.skip_key)(&mut reader)?;
                Ok(reader.rest())
            }
        }
    }
}

/// Why an entry cannot be returned.
pub(super) enum ScanError {
    /// Its row or its key cannot be decoded.
    Fault(Fault),
    /// There is no row with its primary key.
    NoRow,
    Error(Error),
}

impl ScanError {
    #[cold]
    #[inline(never)]
    pub(super) fn error(self, info: &TableInfo, target: Target, primary_key: &[u8]) -> Error {
        match (self, target) {
            (Self::Error(error), _) => error,
            (Self::NoRow, Target::Index(index)) => {
                info.finding(FindingKind::StrayEntry, Some(index), primary_key).into_error()
            }
            (Self::NoRow, Target::Rows) => Error::NotFound,
            (Self::Fault(fault), _) => info.unreadable(primary_key, fault),
        }
    }
}

impl From<Fault> for ScanError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for ScanError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
