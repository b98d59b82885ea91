//! The operations on a value file of a view, which open the file when it is not open.

use super::{Caching, ReadValue, ValueStore};
use crate::codec::ValuePointer;
use crate::error::Result;
use crate::files::Handle;

/// A value file of a view. Opening it costs one read, of its header.
pub(crate) type Values = Handle<ValueStore>;

impl Values {
    /// The value of `key` that a pointer refers to, through the cache: see
    /// [`ValueReader::value`](super::ValueReader::value).
    pub(crate) fn value(&self, pointer: &ValuePointer, key: &[u8], caching: Caching) -> Result<ReadValue> {
        self.reader()?.value(pointer, key, caching)
    }

    /// The value of `key` that a pointer refers to, past the cache: see
    /// [`ValueReader::read`](super::ValueReader::read).
    pub(crate) fn read(&self, pointer: &ValuePointer, key: &[u8]) -> Result<ReadValue> {
        self.reader()?.read(pointer, key)
    }

    /// Reads and checks the whole file: see [`ValueReader::verify`](super::ValueReader::verify).
    /// The file is not left open.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}
