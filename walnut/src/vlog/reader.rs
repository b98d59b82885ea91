//! Reads a value file: opens it, and resolves pointers into it.

use super::ValueMeta;
use super::cache::{CachedValues, Caching, CheckedValue, ReadValue};
use super::format::{MAX_RECORD_SIZE, ValueRecord};
use crate::cache::Cache;
use crate::codec::{FileKind, ValuePointer};
use crate::crypt::{DataKeys, Sealer};
use crate::env::File;
use crate::error::{Fault, Result};
use crate::files::OpenFile;
use crate::sync::Arc;

#[derive(Debug)]
pub(crate) struct ValueReader {
    pub(super) file: OpenFile,
    pub(super) sealer: Sealer,
    meta: ValueMeta,
    cached: CachedValues,
}

impl ValueReader {
    /// Opens a file that must be the value file of this database that `meta` describes. Reads only
    /// the header.
    pub(super) fn open(
        file: OpenFile,
        database: [u8; 16],
        keys: &DataKeys,
        meta: ValueMeta,
        cache: &Arc<Cache>,
    ) -> Result<Self> {
        let found = file.size()?;
        if found != meta.size {
            return Err(Fault::Length { recorded: meta.size, found }.at(file.path(), found.min(meta.size)));
        }
        let mut bytes = vec![0; keys.header_size()];
        file.read_exact_at(&mut bytes, 0)?;
        let (header, sealer) =
            keys.open(FileKind::ValueFile, &bytes).map_err(|fault| fault.at(file.path(), 0))?;
        if header.word != 0 {
            return Err(Fault::Invalid("word field of the header").at(file.path(), 0));
        }
        if header.database != database || header.number != meta.number {
            return Err(Fault::Identity.at(file.path(), 0));
        }
        Ok(Self { file, sealer, meta, cached: CachedValues::new(cache) })
    }

    pub(crate) fn meta(&self) -> &ValueMeta {
        &self.meta
    }

    pub(crate) fn file(&self) -> &dyn File {
        &**self.file
    }

    /// The value of `key` that a pointer refers to, through the cache.
    ///
    /// Cost: unless it is cached, one read of the record, and memory for it and, if it is
    /// compressed, for the value.
    pub(crate) fn value(&self, pointer: &ValuePointer, key: &[u8], caching: Caching) -> Result<ReadValue> {
        match self.cached.find(pointer, key) {
            Some(value) => Ok(value),
            None => Ok(self.cached.keep(pointer, self.checked(pointer, key)?, caching)),
        }
    }

    /// The value of `key` that a pointer refers to, read from the file past the cache.
    pub(crate) fn read(&self, pointer: &ValuePointer, key: &[u8]) -> Result<ReadValue> {
        self.checked(pointer, key).map(ReadValue::lone)
    }

    fn checked(&self, pointer: &ValuePointer, key: &[u8]) -> Result<CheckedValue> {
        let mut bytes = self.read_record(pointer)?;
        let record = self.record(&mut bytes, pointer, key)?;
        let unpacked = record.unpack().map_err(|fault| fault.at(self.file.path(), pointer.offset))?;
        let stored_size = record.stored.len();
        let start = bytes.len() - stored_size;
        Ok(match unpacked {
            Some(value) => CheckedValue::new(key, pointer.size, value, 0),
            None => CheckedValue::new(key, pointer.size, bytes, start),
        })
    }

    /// Calls `found` with the record of `key` that a pointer refers to, with its value as stored.
    pub(super) fn with_record<R>(
        &self,
        pointer: &ValuePointer,
        key: &[u8],
        found: impl FnOnce(ValueRecord<'_>) -> R,
    ) -> Result<R> {
        let mut bytes = self.read_record(pointer)?;
        Ok(found(self.record(&mut bytes, pointer, key)?))
    }

    fn read_record(&self, pointer: &ValuePointer) -> Result<Vec<u8>> {
        let fits = pointer.offset.checked_add(pointer.size).is_some_and(|end| end <= self.meta.size);
        let size = usize::try_from(pointer.size).ok().filter(|size| fits && *size <= MAX_RECORD_SIZE);
        let Some(size) = size else {
            return Err(Fault::Invalid("place of a value").at(self.file.path(), pointer.offset));
        };
        self.file.read_vec_at(size, pointer.offset)
    }

    fn record<'b>(
        &self,
        bytes: &'b mut Vec<u8>,
        pointer: &ValuePointer,
        key: &[u8],
    ) -> Result<ValueRecord<'b>> {
        ValueRecord::open(bytes, &self.sealer, pointer.offset)
            .and_then(
                |record| {
                    if record.key == key { Ok(record) } else { Err(Fault::Invalid("key of a value")) }
                },
            )
            .map_err(|fault| fault.at(self.file.path(), pointer.offset))
    }
}
