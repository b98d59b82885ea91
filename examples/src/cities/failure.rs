//! What the program cannot go on after, as the sentence that it ends with.

use std::path::PathBuf;
use std::{fmt, io};

use walnut::Error;

use super::DataError;

/// Why the program stopped.
#[derive(Debug)]
pub enum Failure {
    /// There is no database to ask.
    NoDatabase(PathBuf),
    /// The database cannot be opened.
    Open {
        /// Its directory.
        path: PathBuf,
        /// The store's reason.
        source: Error,
    },
    /// The data file cannot be used.
    Data(DataError),
    /// The store refused rows of the data file.
    Rows {
        /// The data file.
        path: PathBuf,
        /// The lines of the batch, from the first to the last.
        lines: (u64, u64),
        /// The primary key of the row that owns the value which stands in the way.
        owner: Option<u32>,
        /// The store's reason.
        source: Error,
    },
    /// The store failed while it was asked.
    Store(Error),
    /// An index has more or fewer entries than there are rows.
    Count {
        /// The index.
        index: &'static str,
        /// Its entries.
        entries: u64,
        /// The rows of the table.
        rows: u64,
    },
    /// The store took a second row with the same unique value.
    DuplicateAccepted,
    /// The answers cannot be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDatabase(path) => {
                write!(f, "there is no database {}; run without --query-only to load it", path.display())
            }
            Self::Open { path, source } => write!(f, "cannot open {}: {source}", path.display()),
            Self::Data(error) => error.fmt(f),
            Self::Rows { path, lines: (first, last), owner, source } => {
                write!(f, "{}, lines {first} to {last}: {source}", path.display())?;
                owner.map_or(Ok(()), |id| write!(f, "; the city {id} has it"))
            }
            Self::Store(error) => error.fmt(f),
            Self::Count { index, entries, rows } => {
                write!(f, "the index `{index}` has {entries} entries for {rows} rows")
            }
            Self::DuplicateAccepted => f.write_str("a second city with the same slug was not refused"),
            Self::Output(error) => write!(f, "cannot write the answers: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Rows { source, .. } | Self::Store(source) => Some(source),
            Self::Data(error) => Some(error),
            Self::Output(error) => Some(error),
            Self::NoDatabase(_) | Self::Count { .. } | Self::DuplicateAccepted => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
