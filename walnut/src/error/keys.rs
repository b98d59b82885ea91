//! Why an encryption key does not open a database.

use std::fmt;

/// The reason of [`Error::WrongKey`](crate::Error::WrongKey).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyFault {
    /// The key is not the one that the database is encrypted with.
    Wrong,
    /// The database is encrypted, and no key was given.
    Missing,
    /// A key was given, and the database is not encrypted.
    NotEncrypted,
    /// The key opens the key file, but that belongs to another database than the other files.
    OtherDatabase,
    /// The key file is missing, damaged or not one that this version reads; the text says how.
    Unreadable(&'static str),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str("the encryption key does not open this database"),
            Self::Missing => f.write_str("the database is encrypted, and no encryption key was given"),
            Self::NotEncrypted => {
                f.write_str("an encryption key was given, and the database is not encrypted")
            }
            Self::OtherDatabase => f.write_str("the key file KEYS belongs to another database"),
            Self::Unreadable(how) => write!(f, "the key file KEYS cannot be read: {how}"),
        }
    }
}
