//! Errors of single rows, whose files are not damaged: a row whose unique value another row has, a
//! row that would not be readable again, a row that this program cannot decode, and a row that
//! disagrees with its key or its index entries.

use std::fmt;

use super::{Error, Fault};

/// A violated unique index, and the row that owns the value.
#[derive(Clone, PartialEq, Eq)]
pub struct UniqueViolation {
    pub(crate) table: &'static str,
    pub(crate) index: &'static str,
    pub(crate) owner: Box<[u8]>,
}

impl UniqueViolation {
    /// The table's name.
    pub fn table(&self) -> &str {
        self.table
    }

    /// The index's name; `"primary_key"` when a row with the same primary key exists.
    pub fn index(&self) -> &str {
        self.index
    }
}

impl fmt::Debug for UniqueViolation {
    /// Leaves out the owner, because it is a stored value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UniqueViolation")
            .field("table", &self.table)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for UniqueViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`: another row has the same value in unique `{}`", self.table, self.index)
    }
}

/// A row that was not stored, because its encoding could not be decoded to the same row.
///
/// The cause is the struct's serde implementation, or a value that serde does not round-trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstorable {
    table: &'static str,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Sentence(&'static str),
    Forms { written: &'static str, read: &'static str },
}

impl Unstorable {
    pub(crate) fn new(table: &'static str, reason: &'static str) -> Self {
        Self { table, reason: Reason::Sentence(reason) }
    }

    /// The row is serialized in one form and deserialized in another.
    pub(crate) fn forms(table: &'static str, written: &'static str, read: &'static str) -> Self {
        Self { table, reason: Reason::Forms { written, read } }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        self.table
    }
}

impl fmt::Display for Unstorable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`: this row cannot be stored, because it could not be read again: ", self.table)?;
        match self.reason {
            Reason::Sentence(sentence) => f.write_str(sentence),
            Reason::Forms { written, read } => {
                write!(f, "serde writes {written} where it reads {read}")
            }
        }
    }
}

/// A stored row that the struct of this program cannot decode although its file is not damaged:
/// another struct wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    pub(crate) table: &'static str,
    pub(crate) key_size: usize,
    pub(crate) fault: Fault,
}

impl UnreadableRow {
    /// The table's name.
    pub fn table(&self) -> &str {
        self.table
    }

    /// The size of the row's encoded primary key, in bytes.
    pub fn key_size(&self) -> usize {
        self.key_size
    }
}

impl fmt::Display for UnreadableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "table `{}`: the struct of this program cannot read a row (its primary key takes {} bytes; {}); its file is not \
             damaged, so another struct wrote it: read it with that one, or remove the row (`unreadable` lists such rows)",
            self.table, self.key_size, self.fault
        )
    }
}

/// The disagreements in a table between rows, the keys that they are stored under, and index
/// entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disagreement {
    pub(crate) findings: Vec<Finding>,
    pub(crate) count: u64,
}

impl Disagreement {
    /// The findings, one per row or index entry; the first thousand.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The number of all findings.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.findings.first() {
            None => f.write_str("rows and index entries disagree"),
            Some(first) if self.count <= 1 => first.fmt(f),
            Some(first) => write!(f, "{first}; {} more disagree", self.count - 1),
        }
    }
}

/// One row or one index entry that disagrees with others; part of [`Disagreement`].
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    pub(crate) table: &'static str,
    pub(crate) index: Option<&'static str>,
    pub(crate) kind: FindingKind,
    /// Encoded; empty when it is not known.
    pub(crate) primary_key: Box<[u8]>,
}

/// What is wrong with a row or an index entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// The struct of this program cannot decode the row.
    UnreadableRow,
    /// The row is stored under a primary key that is not its own.
    OtherKey,
    /// The row has no entry in the index.
    MissingEntry,
    /// The index names another row as the owner of the row's unique value.
    OtherOwner,
    /// The index has an entry without a row.
    StrayEntry,
    /// The row count that [`len`](crate::DefaultTable::len) returns is not the number of rows.
    OtherRowCount,
}

impl Finding {
    /// The table's name.
    pub fn table(&self) -> &str {
        self.table
    }

    /// The index's name, when the finding is about an entry.
    pub fn index(&self) -> Option<&str> {
        self.index
    }

    /// What is wrong.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }
}

impl fmt::Debug for Finding {
    /// Leaves out the primary key, because it is a stored value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding")
            .field("table", &self.table)
            .field("index", &self.index)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`: ", self.table)?;
        let index = self.index.unwrap_or_default();
        match self.kind {
            FindingKind::UnreadableRow => f.write_str("the struct of this program cannot read a row"),
            FindingKind::OtherKey => f.write_str("a row is stored under another primary key than its own"),
            FindingKind::MissingEntry => write!(f, "a row has no entry in index `{index}`"),
            FindingKind::OtherOwner => {
                write!(f, "the unique index `{index}` names another row as the owner of a row's value")
            }
            FindingKind::OtherRowCount => f.write_str("the row count is not the number of rows"),
            FindingKind::StrayEntry => write!(f, "index `{index}` has an entry that no row asks for"),
        }
    }
}

impl Finding {
    /// Not a `From`: that would make the error type of `?` in callers' closures ambiguous.
    pub(crate) fn into_error(self) -> Error {
        Error::Disagreement(Disagreement { findings: vec![self], count: 1 })
    }
}
