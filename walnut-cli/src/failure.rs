//! What ends a command, and with which exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use walnut::Error;

/// Why a command failed. The text is one line that says what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was not used as it can be: exit code 1.
    Usage(String),
    /// The database, or a file, could not be opened or used: exit code 2.
    Open(String),
    /// Damage or a disagreement was found: exit code 3.
    Damage(String),
    /// A constraint refused what was to be written: exit code 4.
    Refused(String),
    /// The reader of the output has closed the pipe, which is no failure: exit code 0.
    PipeClosed,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::PipeClosed => 0,
            Self::Usage(_) => 1,
            Self::Open(_) => 2,
            Self::Damage(_) => 3,
            Self::Refused(_) => 4,
        })
    }

    /// The same failure, with more to say.
    pub(crate) fn and(self, more: impl fmt::Display) -> Self {
        let text = format!("{self}; {more}");
        match self {
            Self::PipeClosed => Self::PipeClosed,
            Self::Usage(_) => Self::Usage(text),
            Self::Open(_) => Self::Open(text),
            Self::Damage(_) => Self::Damage(text),
            Self::Refused(_) => Self::Refused(text),
        }
    }

    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Open(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Open(text) | Self::Damage(text) | Self::Refused(text) => {
                f.write_str(text)
            }
            Self::PipeClosed => f.write_str("nobody reads the output"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::UniqueViolation(_) | Error::NotFound | Error::Limit(_) | Error::Unstorable(_) => {
                Self::Refused(text)
            }
            Error::Value(_) | Error::Cursor(_) | Error::Options(_) | Error::Unsupported(_) => {
                Self::Usage(text)
            }
            Error::Schema(_) if text.contains("without its program") => Self::Refused(text),
            Error::Schema(_) => Self::Usage(text),
            Error::Corruption { .. } | Error::Disagreement(_) | Error::Unreadable(_) => Self::Damage(text),
            _ => Self::Open(text),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::PipeClosed;
        }
        Self::Open(format!("the output cannot be written: {error}"))
    }
}
