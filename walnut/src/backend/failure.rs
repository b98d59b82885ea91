//! Why an engine did not do what it was asked.

use std::fmt;

/// Why an engine did not do what it was asked. Walnut decides by the variant whether it tries
/// again; the text is for a person, names the address, and contains no password and no stored
/// value.
///
/// Every variant but [`CommitUnknown`](Self::CommitUnknown) means that nothing was done. After any
/// of them the session is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another commit was in the way: the transaction is run again.
    Conflict,
    /// The state that the session reads is no longer kept.
    TooOld,
    /// The engine cannot be reached, or is choosing a new leader: tried again for a while.
    Unavailable(String),
    /// The reply to a commit was lost, so it has happened, or not, or will still happen. Only a
    /// commit fails so.
    CommitUnknown(String),
    /// A key, a value or a commit is larger than the engine accepts.
    TooLarge(String),
    /// The engine refuses, and will refuse again until its operator acts: a wrong password, a right
    /// that is missing, a standby that only reads, a server that is too old, a table of another
    /// program at the same place.
    Refused(String),
    /// Anything else, such as an answer to a read that makes no sense. It is not tried again. An
    /// answer to a commit that makes no sense is [`CommitUnknown`](Self::CommitUnknown).
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("another commit was in the way"),
            Self::TooOld => f.write_str("the state that is read is no longer kept"),
            Self::Unavailable(text) => write!(f, "it cannot be reached: {text}"),
            Self::CommitUnknown(text) => write!(f, "the reply to a commit was lost: {text}"),
            Self::TooLarge(text) => write!(f, "it is too large: {text}"),
            Self::Refused(text) => write!(f, "it refuses: {text}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}
