//! The error of an engine that runs elsewhere: which engine, and what it said.

use std::fmt;

/// What an engine that runs elsewhere answered, or why it did not: part of [`Error`](crate::Error).
///
/// The text names the address, and contains no password and no stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// Boxed, so that results of calls that never reach such an engine stay small.
    told: Box<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    engine: String,
    text: String,
}

impl RemoteError {
    pub(crate) fn new(engine: &str, text: String) -> Self {
        Self { told: Box::new(Told { engine: engine.to_owned(), text }) }
    }

    /// The engine and its address.
    pub fn engine(&self) -> &str {
        &self.told.engine
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.told.engine, self.told.text)
    }
}
