//! Errors of single rows, whose files are as they were written: a row that could not be read again, one that this program
//! does not read, and one that does not agree with its key or its index entries.

use std::fmt;

use super::{Error, Fault};

/// A row that was not stored, because what would be stored could not be read as that row again.
///
/// It lies in how the struct is made for serde, or in a value that serde takes and does not give back.
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

    /// The row is written in one form and read in another.
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

/// A stored row that the struct of this program does not read, though its file is not damaged: another struct wrote it.
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

    /// How many bytes the row's primary key takes as it is stored.
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

/// What disagrees in a table: rows, the keys that they are stored under, and the entries of indexes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disagreement {
    pub(crate) findings: Vec<Finding>,
    pub(crate) count: u64,
}

impl Disagreement {
    /// What was found, each row and each entry by itself; the first thousand.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many were found in all.
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
    /// The primary key as it is stored; empty when it is not known.
    pub(crate) primary_key: Box<[u8]>,
}

/// What is wrong with a row or an index entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// The struct of this program does not read the row.
    UnreadableRow,
    /// The row is stored under another primary key than its own.
    OtherKey,
    /// The row has no entry in the index.
    MissingEntry,
    /// The index names another row as the owner of the row's unique value.
    OtherOwner,
    /// The index has an entry that no row asks for.
    StrayEntry,
}

impl Finding {
    /// The table's name.
    pub fn table(&self) -> &str {
        self.table
    }

    /// The index's name, when it is about an entry.
    pub fn index(&self) -> Option<&str> {
        self.index
    }

    /// What is wrong.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }
}

impl fmt::Debug for Finding {
    /// The primary key is a value that was stored, so it is not told here either.
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
            FindingKind::StrayEntry => write!(f, "index `{index}` has an entry that no row asks for"),
        }
    }
}

impl Finding {
    /// The error of one finding. A `From` would have the compiler ask callers of `?` in a closure for the type of their error.
    pub(crate) fn into_error(self) -> Error {
        Error::Disagreement(Disagreement { findings: vec![self], count: 1 })
    }
}
