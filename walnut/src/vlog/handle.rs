//! What is asked of a value file of a view, which may have to be opened for it.

use super::{Caching, ReadValue, ValueStore};
use crate::codec::ValuePointer;
use crate::error::Result;
use crate::files::Handle;

/// A value file of a view. To open it costs one read, of its header.
pub(crate) type Values = Handle<ValueStore>;

impl Values {
    /// The value of `key` that a pointer refers to: see [`ValueReader::value`](super::ValueReader::value).
    pub(crate) fn value(&self, pointer: &ValuePointer, key: &[u8], caching: Caching) -> Result<ReadValue> {
        self.reader()?.value(pointer, key, caching)
    }

    /// The same as the file has it, past the cache: see [`ValueReader::read`](super::ValueReader::read).
    pub(crate) fn read(&self, pointer: &ValuePointer, key: &[u8]) -> Result<ReadValue> {
        self.reader()?.read(pointer, key)
    }

    /// Reads and checks everything in the file: see [`ValueReader::verify`](super::ValueReader::verify). It does not stay open for that.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}
