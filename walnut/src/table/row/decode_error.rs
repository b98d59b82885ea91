//! The error of the decoder.

use std::fmt;

use serde::de;

/// The bytes are not a value of the type. Serde's message may hold a value, so it is not kept.
#[derive(Debug)]
pub(super) struct RowDecodeError;

impl fmt::Display for RowDecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are not the value asked for")
    }
}

impl std::error::Error for RowDecodeError {}

impl de::Error for RowDecodeError {
    #[cold]
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}
