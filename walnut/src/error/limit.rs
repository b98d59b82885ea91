//! The error of what is too large: a key, a row, a commit.

use std::fmt;

use super::RemoteError;

/// A limit that was exceeded; detected before anything was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// An encoded key is too long.
    Key {
        /// The maximum size of a key, in bytes.
        limit: usize,
    },
    /// A row, or a value of the raw engine, is too long.
    Row {
        /// Its size in bytes.
        size: usize,
        /// The maximum.
        limit: usize,
    },
    /// One commit holds too much.
    Commit {
        /// Its size in bytes.
        size: usize,
        /// The maximum.
        limit: usize,
    },
    /// One commit contains too many range deletions.
    Ranges {
        /// The number of range deletions.
        count: usize,
        /// The maximum.
        limit: usize,
    },
    /// A value has no exact encoding as a key; the text says why.
    Inexact(&'static str),
    /// The engine of the database, which runs elsewhere, refuses a key, a value or a commit of this
    /// size.
    Remote(RemoteError),
    /// The sequence of generated keys has reached the maximum of its type.
    Counter,
    /// The database has used up all file numbers, which happens to a damaged one only.
    FileNumbers,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { limit } => write!(f, "a key is longer than {limit} bytes when encoded"),
            Self::Row { size, limit } => write!(f, "a row takes {size} bytes, and {limit} is the limit"),
            Self::Commit { size, limit } => {
                write!(f, "a commit takes {size} bytes, and {limit} is the limit")
            }
            Self::Ranges { count, limit } => {
                write!(f, "a commit removes {count} ranges, and {limit} is the limit")
            }
            Self::Remote(error) => error.fmt(f),
            Self::Inexact(why) => write!(f, "a value cannot be a key: {why}"),
            Self::FileNumbers => f.write_str("the database has given out the last number for a file"),
            Self::Counter => f.write_str(
                "the counter of generated keys has come to the last number of its type; take a wider type",
            ),
        }
    }
}
